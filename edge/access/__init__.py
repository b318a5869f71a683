"""The decision: who is at the door, and may they in? Pure functions over frozen values; the time is passed in.

names          what a person may be called, and the id made from it
gallery        everybody enrolled against one embedding
policy         the settings and the model's card become one Rule, which can explain itself
checks         one frame: the reason it does not verify, or `verified` (the seam for liveness)
schedule       dates and hours of the week, in words too
visits         frames in time: one visit, at most one decision; what a complete face waits for
visit          what one visit has shown, and whether a face is still its face
second_factor  who needs more than a face, and what was given besides
lockout        after visits that look like attempts, no face is let in for a while
pin            what a PIN is, and its digest
enrolment      an open window collects references from the door camera and says what to do
references     what a set of references must hold before it may become a person
"""
