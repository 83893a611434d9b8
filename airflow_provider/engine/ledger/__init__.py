"""The ledger: the durable record of every send, and the reason nothing goes out twice."""
