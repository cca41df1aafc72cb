"""The network record: what lies where, what it is tied to and which service uses it (RE-01 to 05).

Owns features (exchange to pair), their connections, the services with their access paths, and
findings about the plant. Verbs offline: network.swap_pair, network.mark_pair_bad,
network.change_port, network.report_finding; in the office: network.add_feature,
network.change_feature, network.connect, network.register_service, network.change_service,
network.reserve, network.release, network.close_finding. Events: PairSwapped,
PairMarkedBad, PortChanged, FindingReported, by which the visits judge whether the technician may,
and FindingClosed.
Below it stand customers (premises) and organisation (centres).
"""
