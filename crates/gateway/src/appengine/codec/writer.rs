//! Writing: what stands before a field, and the forms of numbers.

use super::reader::Wire;

/// A number of variable length.
pub(super) fn varint(mut number: u64, out: &mut Vec<u8>) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// What stands before a field.
pub(super) fn tag(number: u32, wire: Wire, out: &mut Vec<u8>) {
    let wire = match wire {
        Wire::Varint => 0,
        Wire::Fixed64 => 1,
        Wire::Length => 2,
        Wire::GroupStart => 3,
        Wire::GroupEnd => 4,
        Wire::Fixed32 => 5,
    };
    varint(u64::from(number) << 3 | wire, out);
}

/// A length and bytes.
pub(super) fn bytes(number: u32, bytes: &[u8], out: &mut Vec<u8>) {
    tag(number, Wire::Length, out);
    varint(bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}
