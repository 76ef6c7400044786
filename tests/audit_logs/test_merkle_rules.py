"""The arithmetic of proof."""

from uuid import uuid4

from hypothesis import given
from hypothesis import strategies as st

from insurance.audit_logs.rules import (
    FIRST_PREVIOUS,
    Seal,
    canonical_json,
    changes,
    is_signed,
    leaf_hash,
    merkle_path,
    merkle_root,
    plain,
    public_key,
    root_from_path,
    sign,
)

LEAVES = st.lists(st.binary(min_size=32, max_size=32).map(leaf_hash), min_size=1, max_size=70)
KEY = bytes(range(32))


@given(LEAVES, st.data())
def test_every_leaf_proves_that_it_is_in_the_tree(leaves: list[bytes], data: st.DataObject) -> None:
    index = data.draw(st.integers(0, len(leaves) - 1))

    assert root_from_path(leaves[index], merkle_path(leaves, index)) == merkle_root(leaves)


@given(LEAVES, st.data())
def test_another_leaf_gives_another_root(leaves: list[bytes], data: st.DataObject) -> None:
    index = data.draw(st.integers(0, len(leaves) - 1))
    changed = [*leaves[:index], leaf_hash(b"edited"), *leaves[index + 1 :]]

    assert merkle_root(changed) != merkle_root(leaves)


def test_a_proof_in_a_tree_of_thirty_three_has_six_steps_at_most() -> None:
    leaves = [leaf_hash(bytes([number]) * 32) for number in range(33)]

    assert max(len(merkle_path(leaves, index)) for index in range(33)) == 6


def test_a_seal_is_signed_for_its_place_only() -> None:
    seal = Seal(uuid4(), 1, 2, merkle_root([leaf_hash(b"a")]), FIRST_PREVIOUS)
    moved = Seal(seal.org_id, 2, 2, seal.root, FIRST_PREVIOUS)
    signature = sign(KEY, seal.hash)

    assert is_signed(public_key(KEY), seal.hash, signature)
    assert not is_signed(public_key(KEY), moved.hash, signature)
    assert not is_signed(public_key(bytes(32)), seal.hash, signature)


def test_canonical_json_does_not_depend_on_order() -> None:
    assert canonical_json({"b": 1, "a": "é"}) == canonical_json({"a": "é", "b": 1})


def test_identity_and_account_numbers_are_masked_before_they_are_kept() -> None:
    kept = plain({"id_number": "8001015009087", "account_number": "62001234567", "name": "x"})

    assert kept == {"id_number": "*************", "account_number": "*******4567", "name": "x"}


def test_changes_name_what_differs_and_nothing_else() -> None:
    assert changes({"a": 1, "b": 2}, {"a": 1, "b": 3, "c": 4}) == [("b", 2, 3), ("c", None, 4)]
