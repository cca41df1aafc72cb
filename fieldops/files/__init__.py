"""Photos, signatures and papers: bytes that arrive by resumable upload, links that promise them.

Owns stored contents (each once per region, by sha256), uploads in progress, and the links that
say which visit and item a content is evidence of. Verbs: file.link, file.give_up; uploads speak
tus 1.0.0 (SYNC section 7). Emits FileLinked, which visits judges. Below it stands only the
organisation; it does not know visits, so links carry their ids plainly.
"""
