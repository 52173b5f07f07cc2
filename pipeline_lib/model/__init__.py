"""Values only: journeys, events, outbox messages, envelopes, positions, endpoints. Imports nothing of ours."""
