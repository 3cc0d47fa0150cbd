//! Writes: single ones are committed at once, those of a client with a buffer are collected.

use goldenscript::{Argument, ArgumentConsumer};
use model::body::insert;
use model::write::{FieldTransform, Operation, Precondition, TransformKind, Write};
use model::{DocumentPath, FieldPath, Fields, Value};

use super::{Output, Script, parse_time};
use crate::notation;

impl Script {
    pub(super) fn write(&mut self, client: &str, name: &str, mut args: ArgumentConsumer<'_>) -> Output {
        let path = path(args.next_pos().ok_or("a path")?)?;
        let precondition = match args.take_key("if") {
            None => Precondition::None,
            Some("exists") => Precondition::Exists(true),
            Some("missing") => Precondition::Exists(false),
            Some(time) => Precondition::UpdateTime(parse_time(time)?),
        };
        let operation = match name {
            "set" => Operation::Set { fields: self.fields(&mut args)?, mask: None, transforms: Vec::new() },
            "update" => self.update(&mut args)?,
            "transform" => {
                let transforms = self.transforms(&mut args)?;
                Operation::Set { fields: Fields::new(), mask: Some(Vec::new()), transforms }
            }
            "delete" => Operation::Delete,
            _ => Operation::Verify,
        };
        args.reject_next()?;
        let write = Write { path, operation, precondition };
        if let Some(buffer) = &mut self.client(client).buffer {
            buffer.push(write);
            return Ok(String::new());
        }
        Ok(self.submit(client, name, vec![write], None))
    }

    fn value(&self, text: &str) -> Result<Value, Box<dyn std::error::Error>> {
        Ok(notation::read(text, self.world.name())?)
    }

    fn fields(&self, args: &mut ArgumentConsumer<'_>) -> Result<Fields, Box<dyn std::error::Error>> {
        let mut fields = Fields::new();
        while let Some((name, value)) = args.next_key() {
            fields.insert(name.to_owned(), self.value(value)?);
        }
        Ok(fields)
    }

    /// The keys are field paths, and all of them are in the mask; `remove` names fields that are not given.
    fn update(&self, args: &mut ArgumentConsumer<'_>) -> Result<Operation, Box<dyn std::error::Error>> {
        let mut fields = Fields::new();
        let mut mask = Vec::new();
        while let Some((name, value)) = args.next_key() {
            if name == "remove" {
                mask.push(FieldPath::parse(value)?);
                continue;
            }
            let path = FieldPath::parse(name)?;
            insert(&mut fields, path.segments(), self.value(value)?);
            mask.push(path);
        }
        Ok(Operation::Set { fields, mask: Some(mask), transforms: Vec::new() })
    }

    fn transforms(
        &self,
        args: &mut ArgumentConsumer<'_>,
    ) -> Result<Vec<FieldTransform>, Box<dyn std::error::Error>> {
        let mut transforms = Vec::new();
        while let Some(kind) = args.next_pos() {
            let path = FieldPath::parse(args.next_pos().ok_or("a field")?)?;
            let mut operand = || match args.next() {
                Some(Argument::Positional(text)) => self.value(text),
                _ => Err("an operand".into()),
            };
            let list = |value| match value {
                Value::Array(values) => values,
                single => vec![single],
            };
            let kind = match kind {
                "now" => TransformKind::RequestTime,
                "increment" => TransformKind::Increment(operand()?),
                "maximum" => TransformKind::Maximum(operand()?),
                "minimum" => TransformKind::Minimum(operand()?),
                "union" => TransformKind::AppendMissing(list(operand()?)),
                "without" => TransformKind::RemoveAll(list(operand()?)),
                other => return Err(format!("unknown transform {other}").into()),
            };
            transforms.push(FieldTransform { path, kind });
        }
        Ok(transforms)
    }
}

pub(super) fn path(text: &str) -> Result<DocumentPath, String> {
    DocumentPath::new(text).ok_or_else(|| format!("{text} is not a document's path"))
}
