"""Images that are no frontal chest radiographs, which a gate must not answer."""
