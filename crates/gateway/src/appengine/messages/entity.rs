//! Entities, keys, property values and positions in indexes.

use bytes::Bytes;

use crate::appengine::codec::{Group, RareGroup, messages};

messages! {
    /// A key.
    Reference {
        13 app: String,
        14 path: Path,
        20 name_space: Option<String>,
        23 database_id: Option<String>,
    }

    /// The steps of a key.
    Path {
        1 element: Vec<Group<Element>>,
    }

    /// A step; without an id and a name it is still to be allocated.
    Element {
        2 kind: String,
        3 id: Option<i64>,
        4 name: Option<String>,
    }

    /// An entity.
    EntityProto {
        /// Embedded entities may have none.
        13 key: Option<Reference>,
        /// What is indexed; a list is several properties of one name.
        14 property: Vec<Property>,
        /// What is not.
        15 raw_property: Vec<Property>,
        /// The root of the key.
        16 entity_group: Option<Path>,
    }

    /// A value with its name.
    Property {
        1 meaning: Option<i32>,
        2 meaning_uri: Option<String>,
        3 name: String,
        4 multiple: bool,
        5 value: PropertyValue,
    }

    /// A value: at most one of these; none is null.
    PropertyValue {
        1 int64: Option<i64>,
        2 boolean: Option<bool>,
        3 string: Option<Bytes>,
        4 double: Option<f64>,
        5 point: Option<Group<PointValue>>,
        8 user: Option<RareGroup<UserValue>>,
        12 reference: Option<RareGroup<ReferenceValue>>,
    }

    /// Latitude and longitude.
    PointValue {
        6 x: f64,
        7 y: f64,
    }

    /// A user.
    UserValue {
        9 email: String,
        10 auth_domain: String,
        11 nickname: Option<String>,
        18 gaiaid: i64,
        19 obfuscated_gaiaid: Option<String>,
        21 federated_identity: Option<String>,
        22 federated_provider: Option<String>,
    }

    /// A key as a value.
    ReferenceValue {
        13 app: String,
        14 element: Vec<Group<ReferenceElement>>,
        20 name_space: Option<String>,
        23 database_id: Option<String>,
    }

    /// A step of it.
    ReferenceElement {
        15 kind: String,
        16 id: Option<i64>,
        17 name: Option<String>,
    }
}
