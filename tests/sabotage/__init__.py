"""The verification engine proves itself: a real pipeline is broken on purpose, one defect at a time, and the verdict
has to name the right defect at the right hop.
"""
