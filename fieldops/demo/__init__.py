"""The demo city: real ground from OpenStreetMap, an invented network and invented people.

Owns nothing in the database. `fieldops.demo.city.build_city` is a pure function of a seed and a
start date; whoever loads the city turns its plain shapes into commands.
"""
