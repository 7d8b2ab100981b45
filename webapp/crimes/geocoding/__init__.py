"""Addresses to places for the importers and pages: the jurisdiction's own gazetteer, then the services whose keys are set."""
