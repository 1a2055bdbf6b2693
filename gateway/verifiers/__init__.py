"""Who is this person in the legacy system? Password verifiers, phone resolvers and SMS senders."""
