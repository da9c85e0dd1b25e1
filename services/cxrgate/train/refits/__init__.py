"""What is fitted to images behind a finished trunk: a new head, a head that copies several models, a cohort."""
