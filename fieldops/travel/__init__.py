"""How long it takes to drive from one place to another (VI-02, AP-01, AP-07).

Owns no record of a visit or a person: one question, `queries.seconds`, that every module above asks
in the same way, so that an offered window, a latest departure and a day plan never disagree. It
stands above the network, has no verbs and no events, and knows no orders.
"""
