"""Service orders and their work orders (WO-01 to WO-06).

Owns the order, its work orders with their states, due times and priorities, the warnings of late
work, urges and matters, and the list of reasons. Verbs: order.receive, order.suspend, order.resume,
order.return, order.transfer, order.complete, order.cancel, order.close, order.add_items,
order.postpone, order.accept_transfer, order.refuse_transfer, order.follow_standards, order.urge;
matter.open, matter.take, matter.hand_over, matter.accept, matter.decline, matter.answer. Events:
see events.py; visits listens to them. Neighbours below: customers (who, where, by when), network
(service, feature).
"""
