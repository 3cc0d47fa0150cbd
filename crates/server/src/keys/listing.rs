//! Keys as a table.

use identity::{Key, Moment};
use model::principal::Role;

/// As many digits of an id as a command wants.
const ID_DIGITS: usize = 12;

/// A line for each key, below one that says what is in it.
pub(super) fn table(keys: &[Key], now_micros: i64) -> String {
    let now = Moment::from_micros(now_micros);
    let head = ["KEY", "ACCOUNT", "ROLE", "DATABASES", "CREATED", "STATE"].map(str::to_owned);
    let rows: Vec<_> = std::iter::once(head).chain(keys.iter().map(|key| row(key, now))).collect();
    let widths: Vec<_> = (0..rows[0].len())
        .map(|column| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or_default())
        .collect();
    let line = |row: &[String; 6]| {
        let cells: Vec<_> = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        cells.join("  ").trim_end().to_owned() + "\n"
    };
    rows.iter().map(line).collect()
}

fn row(key: &Key, now: Moment) -> [String; 6] {
    let role = match key.role {
        Role::Viewer => "viewer",
        Role::User => "user",
        Role::Owner => "owner",
    };
    let state = match (key.revoked, key.expires) {
        (Some(revoked), _) => format!("revoked {revoked}"),
        (None, Some(end)) if end <= now => format!("ended {end}"),
        (None, Some(end)) => format!("good until {end}"),
        (None, None) => "good".to_owned(),
    };
    let databases = format!("{}/{}", key.project, key.database.as_deref().unwrap_or("*"));
    let id = key.id.chars().take(ID_DIGITS).collect();
    [id, key.email.clone(), role.to_owned(), databases, key.created.to_string(), state]
}
