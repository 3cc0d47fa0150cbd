"""Registers users so that no e-mail address is taken twice, also when two register it at the same moment.

The address is the name of a document. A transaction looks whether it is there and, if not, writes the claim and the
user together. Two that look at once both find nothing; both lock the empty place; the older one commits, the other is
aborted, comes again, and finds the address taken.

    export FIRESTORE_EMULATOR_HOST=127.0.0.1:8080
    python examples/unique_email.py --project demo --clients 20
"""

import argparse
import uuid

from google.cloud import firestore
from racing import commit, crowd


class EmailTaken(Exception):
    """Somebody has registered this address."""


@firestore.transactional
def register(transaction, client, user, email, name):
    """Claims an address for a user and writes the user. Raises EmailTaken."""
    address = email.strip().lower()
    claim = client.document("emails", address)
    if claim.get(transaction=transaction).exists:
        raise EmailTaken(address)
    transaction.create(claim, {"user": user})
    transaction.create(client.document("users", user), {"email": address, "name": name})


@firestore.transactional
def change_email(transaction, client, user, email):
    """Moves a user to another address: the old one becomes free in the same commit. Raises EmailTaken."""
    address = email.strip().lower()
    reference = client.document("users", user)
    claim = client.document("emails", address)
    old = reference.get(transaction=transaction).get("email")
    if old == address:
        return
    if claim.get(transaction=transaction).exists:
        raise EmailTaken(address)
    transaction.delete(client.document("emails", old))
    transaction.create(claim, {"user": user})
    transaction.update(reference, {"email": address})


def race(client, clients, email):
    """Many clients register one address at once. Returns the users that got it."""

    def member(number, counts):
        user = f"{number}-{uuid.uuid4().hex[:8]}"
        try:
            commit(register, client.transaction, client, user, email, f"client {number}", counts=counts)
        except EmailTaken:
            return None
        return user

    return [user for user in crowd(clients, member).results if user]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--project", default="demo")
    parser.add_argument("--clients", type=int, default=20)
    options = parser.parse_args()
    client = firestore.Client(project=options.project)
    email = f"{uuid.uuid4().hex[:8]}@example.com"
    winners = race(client, options.clients, email)
    print(f"{options.clients} clients wanted {email}; it belongs to {', '.join(winners)}")


if __name__ == "__main__":
    main()
