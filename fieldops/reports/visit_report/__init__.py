"""The report of one visit: what was done, shown and measured on it, as a page and as a PDF.

Read in a fixed number of statements (gathering), said in the reader's language (saying), drawn
(sketch), and written down (writing). Photos are made small in memory; nothing of it is stored.
"""
