"""The course as a book: one PDF, made of the site's pages, with nothing run.

`chapter` takes a page's text out of its page, `answers` moves what answers a question to the
chapter's end, `names` gives every place a name in the book, `whole` puts a title and a table of
contents before them, `paper` prints. What it looks like is in book.css.
"""
