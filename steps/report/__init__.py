"""Reports: a run told as Cucumber Messages, and as a page that stakeholders read.

Each scenario becomes a `Record` in the process that runs it, and travels on its pytest report, so that it comes from
xdist's workers too. The run's controller turns records into messages (`messages`), and these into a page (`page`).
"""
