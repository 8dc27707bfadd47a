"""Gather the facts about images in ECR that gates need. A fact is a module here and a row in `source.FACTS`."""
