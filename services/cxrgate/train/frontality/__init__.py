"""The head that tells frontal chest radiographs from outliers: recipe, data and fit."""
