//! Which numeric ids a database has given away.

use std::collections::BTreeSet;
use std::ops::Range;

use model::{Fields, Status, Value};
use storage::{Batch, KeyRange, Space};

use super::{Catalog, put};
use crate::error::{self, Damage};
use crate::keys::DatabaseNumber;

impl Catalog {
    /// The first counter of a sequence that has not been granted to a run of the server; 1 at the beginning.
    pub(crate) fn next_counter(&self, number: DatabaseNumber, sequence: &str) -> Result<u64, Status> {
        let Some(row) = self.row(&granted_key(number, sequence))? else { return Ok(1) };
        match row.get("next") {
            Some(Value::Integer(next)) => Ok(u64::try_from(*next).map_err(|_| Damage::CatalogRow)?),
            Some(_) | None => Err(Damage::CatalogRow.into()),
        }
    }

    /// The counters in a range that were reserved.
    pub(crate) fn reserved_counters(
        &self,
        number: DatabaseNumber,
        sequence: &str,
        range: Range<u64>,
    ) -> Result<BTreeSet<u64>, Status> {
        let key = |counter| reserved_key(number, sequence, counter).into_bytes();
        let range = KeyRange::new(key(range.start), key(range.end));
        let rows = self.engine.snapshot().scan(Space::Meta, range, storage::Direction::Forward);
        let read = |row: Result<storage::Row, _>| -> Result<u64, Status> {
            let (key, _) = row.map_err(error::storage)?;
            let counter = std::str::from_utf8(&key).ok().and_then(|key| key.rsplit('/').next());
            let counter = counter.and_then(|digits| u64::from_str_radix(digits, 16).ok());
            Ok(counter.ok_or(Damage::CatalogRow)?)
        };
        rows.map(read).collect()
    }

    /// Grants the counters before `next`; reservations among them have done their duty.
    pub(crate) fn grant_counters(
        &self,
        number: DatabaseNumber,
        sequence: &str,
        next: u64,
        reserved: &BTreeSet<u64>,
    ) -> Result<(), Status> {
        let mut batch = Batch::default();
        let next = Value::Integer(i64::try_from(next).expect("a counter has fewer than 63 bits"));
        put(&mut batch, &granted_key(number, sequence), &Fields::from([("next".to_owned(), next)]));
        for counter in reserved {
            batch.delete(Space::Meta, reserved_key(number, sequence, *counter).into_bytes());
        }
        self.write(batch)
    }

    /// Keeps counters from being granted.
    pub(crate) fn reserve_counters(
        &self,
        number: DatabaseNumber,
        sequence: &str,
        counters: &BTreeSet<u64>,
    ) -> Result<(), Status> {
        let mut batch = Batch::default();
        for counter in counters {
            put(&mut batch, &reserved_key(number, sequence, *counter), &Fields::new());
        }
        self.write(batch)
    }

    /// Drops what is remembered of the ids of a database that was cleared.
    pub(super) fn forget_counters(&self, number: DatabaseNumber, batch: &mut Batch) -> Result<(), Status> {
        for prefix in [format!("ids/{:08x}/", number.0), format!("reserved/{:08x}/", number.0)] {
            for (key, _) in self.rows(&prefix)? {
                batch.delete(Space::Meta, key.into_bytes());
            }
        }
        Ok(())
    }
}

fn granted_key(number: DatabaseNumber, sequence: &str) -> String {
    format!("ids/{:08x}/{sequence}", number.0)
}

fn reserved_key(number: DatabaseNumber, sequence: &str, counter: u64) -> String {
    format!("reserved/{:08x}/{sequence}/{counter:016x}", number.0)
}
