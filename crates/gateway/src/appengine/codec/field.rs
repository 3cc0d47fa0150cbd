//! The types of fields.

use bytes::Bytes;

use super::reader::{Malformed, Reader, Tag, Wire};
use super::{Message, writer};

/// A value that a field can have.
pub(in crate::appengine) trait Field: Default {
    /// Reads the field behind `tag`; read again, a field has its last value, a message is merged.
    fn read(&mut self, tag: Tag, reader: &mut Reader<'_>) -> Result<(), Malformed>;

    /// Appends the field.
    fn write(&self, number: u32, out: &mut Vec<u8>);
}

/// Eight bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::appengine) struct Fixed64(pub(in crate::appengine) u64);

/// Four bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::appengine) struct Fixed32(pub(in crate::appengine) u32);

/// A message between two marks.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::appengine) struct Group<M>(pub(in crate::appengine) M);

/// The same, for one that is large and seldom there: it takes little room while it is not.
#[derive(Clone, Debug, Default, PartialEq)]
pub(in crate::appengine) struct RareGroup<M>(pub(in crate::appengine) Box<M>);

/// Numbers of variable length: how the type is read from 64 bits, and written as such.
macro_rules! varints {
    ($($type:ty: $from:expr, $to:expr;)*) => {$(
        impl Field for $type {
            fn read(&mut self, tag: Tag, reader: &mut Reader<'_>) -> Result<(), Malformed> {
                tag.expect(Wire::Varint)?;
                *self = $from(reader.varint()?);
                Ok(())
            }

            fn write(&self, number: u32, out: &mut Vec<u8>) {
                writer::tag(number, Wire::Varint, out);
                writer::varint($to(*self), out);
            }
        }
    )*};
}

varints! {
    u64: |wire| wire, |own| own;
    i64: |wire: u64| wire as i64, |own: i64| own as u64;
    // Negative ones take ten bytes, and only the low half counts.
    i32: |wire: u64| wire as i32, |own: i32| i64::from(own) as u64;
    bool: |wire: u64| wire != 0, u64::from;
}

/// Numbers of fixed length.
macro_rules! fixed {
    ($($type:ty: $wire:expr, $from:expr, $to:expr;)*) => {$(
        impl Field for $type {
            fn read(&mut self, tag: Tag, reader: &mut Reader<'_>) -> Result<(), Malformed> {
                tag.expect($wire)?;
                *self = $from(reader.fixed()?);
                Ok(())
            }

            fn write(&self, number: u32, out: &mut Vec<u8>) {
                writer::tag(number, $wire, out);
                out.extend_from_slice(&$to(*self));
            }
        }
    )*};
}

fixed! {
    f64: Wire::Fixed64, f64::from_le_bytes, f64::to_le_bytes;
    Fixed64: Wire::Fixed64, |wire| Fixed64(u64::from_le_bytes(wire)), |own: Fixed64| own.0.to_le_bytes();
    Fixed32: Wire::Fixed32, |wire| Fixed32(u32::from_le_bytes(wire)), |own: Fixed32| own.0.to_le_bytes();
}

impl Field for String {
    fn read(&mut self, tag: Tag, reader: &mut Reader<'_>) -> Result<(), Malformed> {
        tag.expect(Wire::Length)?;
        let text = str::from_utf8(reader.bytes()?).map_err(|_| Malformed::Text(tag.number))?;
        reader.spend(text.len())?;
        text.clone_into(self);
        Ok(())
    }

    fn write(&self, number: u32, out: &mut Vec<u8>) {
        writer::bytes(number, self.as_bytes(), out);
    }
}

impl Field for Bytes {
    fn read(&mut self, tag: Tag, reader: &mut Reader<'_>) -> Result<(), Malformed> {
        tag.expect(Wire::Length)?;
        let bytes = reader.bytes()?;
        reader.spend(bytes.len())?;
        *self = Bytes::copy_from_slice(bytes);
        Ok(())
    }

    fn write(&self, number: u32, out: &mut Vec<u8>) {
        writer::bytes(number, self, out);
    }
}

impl<M: Message> Field for M {
    fn read(&mut self, tag: Tag, reader: &mut Reader<'_>) -> Result<(), Malformed> {
        tag.expect(Wire::Length)?;
        reader.message(self)
    }

    fn write(&self, number: u32, out: &mut Vec<u8>) {
        writer::bytes(number, &super::write(self), out);
    }
}

impl<M: Message> Field for Group<M> {
    fn read(&mut self, tag: Tag, reader: &mut Reader<'_>) -> Result<(), Malformed> {
        tag.expect(Wire::GroupStart)?;
        reader.group(tag.number, &mut self.0)
    }

    fn write(&self, number: u32, out: &mut Vec<u8>) {
        group(number, &self.0, out);
    }
}

impl<M: Message> Field for RareGroup<M> {
    fn read(&mut self, tag: Tag, reader: &mut Reader<'_>) -> Result<(), Malformed> {
        tag.expect(Wire::GroupStart)?;
        reader.spend(size_of::<M>())?;
        reader.group(tag.number, &mut *self.0)
    }

    fn write(&self, number: u32, out: &mut Vec<u8>) {
        group(number, &*self.0, out);
    }
}

fn group(number: u32, message: &impl Message, out: &mut Vec<u8>) {
    writer::tag(number, Wire::GroupStart, out);
    message.put(out);
    writer::tag(number, Wire::GroupEnd, out);
}

impl<F: Field> Field for Option<F> {
    fn read(&mut self, tag: Tag, reader: &mut Reader<'_>) -> Result<(), Malformed> {
        self.get_or_insert_default().read(tag, reader)
    }

    fn write(&self, number: u32, out: &mut Vec<u8>) {
        if let Some(field) = self {
            field.write(number, out);
        }
    }
}

impl<F: Field> Field for Vec<F> {
    fn read(&mut self, tag: Tag, reader: &mut Reader<'_>) -> Result<(), Malformed> {
        reader.spend(size_of::<F>())?;
        let mut element = F::default();
        element.read(tag, reader)?;
        self.push(element);
        Ok(())
    }

    fn write(&self, number: u32, out: &mut Vec<u8>) {
        self.iter().for_each(|element| element.write(number, out));
    }
}
