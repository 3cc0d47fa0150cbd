//! Mutations: single ones are committed at once, those of a client with a buffer are collected.

use database::CommitMode;
use goldenscript::ArgumentConsumer;
use model::entity::write::{
    Base, Mutation, MutationOperation, OnConflict, PropertyTransform, PropertyTransformKind,
};
use model::entity::{Entity, EntityValue, Properties};
use model::{FieldPath, Fields};

use super::{EntityScript, Output, words};
use crate::notation::{START, read, time};

impl EntityScript {
    pub(super) fn mutate(&mut self, client: &str, name: &str, mut args: ArgumentConsumer<'_>) -> Output {
        let key = words::key(args.next_pos().ok_or("a key")?, self.world.name())?;
        let base = match (args.take_key("base"), args.take_key("at-time")) {
            (Some("0"), _) => Some(Base::Version(0)),
            (Some(version), _) => Some(Base::Version(version.parse::<i64>()? + START)),
            (None, Some(at)) => Some(Base::UpdateTime(time(at.parse()?))),
            (None, None) => None,
        };
        let path = |name: &str| FieldPath::parse(name);
        let mask = args.take_key("mask").map(|names| {
            names.split(',').filter(|name| !name.is_empty()).map(path).collect::<Result<Vec<_>, _>>()
        });
        let mask = mask.transpose()?;
        let hidden = args.take_key("hide").unwrap_or("");
        let transforms = if name == "transform" { self.transforms(&mut args)? } else { Vec::new() };
        let mut properties = self.properties(&mut args)?;
        let hide = |name: &str| hidden.split(',').any(|hidden| hidden == name);
        properties.iter_mut().for_each(|(name, property)| property.excluded = hide(name));
        let on_conflict = match args.next_pos() {
            Some("fail") => OnConflict::Fail,
            _ => OnConflict::KeepStored,
        };
        let entity = Entity { key, properties };
        let operation = match name {
            "insert" => MutationOperation::Insert(entity),
            "update" => MutationOperation::Update(entity),
            "delete" => MutationOperation::Delete(entity.key),
            _ => MutationOperation::Upsert(entity),
        };
        let mask = if name == "transform" { mask.or(Some(Vec::new())) } else { mask };
        let mutation = Mutation { operation, base, on_conflict, mask, transforms };
        if let Some(buffer) = &mut self.client(client).buffer {
            buffer.push(mutation);
            return Ok(String::new());
        }
        Ok(self.submit(client, name, vec![mutation], None, CommitMode::NonTransactional))
    }

    fn properties(&self, args: &mut ArgumentConsumer<'_>) -> Result<Properties, Box<dyn std::error::Error>> {
        let mut fields = Fields::new();
        while let Some((name, value)) = args.next_key() {
            fields.insert(name.to_owned(), read(value, self.world.name())?);
        }
        Ok(words::properties(fields, self.world.name())?)
    }

    fn transforms(
        &self,
        args: &mut ArgumentConsumer<'_>,
    ) -> Result<Vec<PropertyTransform>, Box<dyn std::error::Error>> {
        let mut transforms = Vec::new();
        while let Some(kind) = args.next_pos() {
            let path = FieldPath::parse(args.next_pos().ok_or("a property")?)?;
            let mut operand = || -> Result<EntityValue, Box<dyn std::error::Error>> {
                let text = args.next_pos().ok_or("an operand")?;
                Ok(words::value(read(text, self.world.name())?, self.world.name())?)
            };
            let list = |value| match value {
                EntityValue::Array(elements) => elements,
                single => vec![single.into()],
            };
            let kind = match kind {
                "now" => PropertyTransformKind::RequestTime,
                "increment" => PropertyTransformKind::Increment(operand()?),
                "maximum" => PropertyTransformKind::Maximum(operand()?),
                "minimum" => PropertyTransformKind::Minimum(operand()?),
                "union" => PropertyTransformKind::AppendMissing(list(operand()?)),
                "without" => PropertyTransformKind::RemoveAll(list(operand()?)),
                other => return Err(format!("unknown transform {other}").into()),
            };
            transforms.push(PropertyTransform { path, kind });
        }
        Ok(transforms)
    }
}
