//! The encoding of proto2, groups included: fields with numbers and wire types.
//!
//! Messages are tables of fields (see [`messages`]); a field's Rust type says how it stands on the wire:
//!
//! | type | on the wire |
//! |---|---|
//! | `i32`, `i64`, `u64`, `bool` | a number of variable length |
//! | `f64`, [`Fixed64`], [`Fixed32`] | eight or four bytes |
//! | `String`, `Bytes` | a length and bytes |
//! | a message | a length and the message |
//! | [`Group`], [`RareGroup`] | the message between two marks, without a length |
//! | `Option`, `Vec` | optional, repeated |
//!
//! What is neither optional nor repeated is always written, as proto2 wants it of required fields; when
//! it is missing in what is read, it is left at its default, as every server of this protocol is lenient.

mod field;
mod reader;
mod writer;

pub(super) use field::{Field, Fixed32, Fixed64, Group, RareGroup};
pub(super) use reader::{Malformed, Reader, Tag};

/// A table of fields.
pub(super) trait Message: Default {
    /// Reads one field into its place; false when the message has no such field.
    fn take(&mut self, tag: Tag, reader: &mut Reader<'_>) -> Result<bool, Malformed>;

    /// Appends all fields, by number.
    fn put(&self, out: &mut Vec<u8>);
}

/// A message of which no field is known: what is skipped, and answers that only say that it worked.
#[derive(Default)]
pub(super) struct Nothing;

impl Message for Nothing {
    fn take(&mut self, _tag: Tag, _reader: &mut Reader<'_>) -> Result<bool, Malformed> {
        Ok(false)
    }

    fn put(&self, _out: &mut Vec<u8>) {}
}

/// Bytes of memory that a message of so many bytes may take once it is read.
pub(super) fn memory_for(bytes: usize) -> usize {
    (reader::FEW + reader::PER_BYTE * bytes).min(reader::MAX_MEMORY)
}

/// Reads a whole message. Errors say in what the bytes are no message.
pub(super) fn read<M: Message>(bytes: &[u8]) -> Result<M, Malformed> {
    let memory = reader::Memory::of(memory_for(bytes.len()));
    let mut message = M::default();
    Reader::new(bytes, &memory).fill(&mut message)?;
    Ok(message)
}

/// The bytes of a message.
pub(super) fn write<M: Message>(message: &M) -> Vec<u8> {
    let mut out = Vec::new();
    message.put(&mut out);
    out
}

/// Declares messages: `Name { number field: type, … }`, in the order of numbers.
macro_rules! messages {
    ($($(#[$doc:meta])* $name:ident { $($(#[$note:meta])* $number:literal $field:ident: $type:ty,)* })*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq)]
        pub(in crate::appengine) struct $name {
            $($(#[$note])* pub(in crate::appengine) $field: $type,)*
        }

        impl $crate::appengine::codec::Message for $name {
            fn take(
                &mut self,
                tag: $crate::appengine::codec::Tag,
                reader: &mut $crate::appengine::codec::Reader<'_>,
            ) -> Result<bool, $crate::appengine::codec::Malformed> {
                match tag.number {
                    $($number => $crate::appengine::codec::Field::read(&mut self.$field, tag, reader)?,)*
                    _ => return Ok(false),
                }
                Ok(true)
            }

            fn put(&self, out: &mut Vec<u8>) {
                $($crate::appengine::codec::Field::write(&self.$field, $number, out);)*
            }
        }
    )*};
}

pub(super) use messages;
