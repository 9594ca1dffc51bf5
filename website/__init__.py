"""The course as a site: pages made from the notebooks as they are, with nothing run.

`cells` makes of a notebook what a page shows, `sources` lays all pages out for Sphinx, `anchors`
gives headings and cells the names that JupyterLab gives them. What the pages look like is in
templates/ and static/.
"""
