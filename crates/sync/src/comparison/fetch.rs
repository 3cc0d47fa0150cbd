//! Documents that are wanted by name.

use crate::change::Row;
use crate::client::Client;
use crate::failure::Failure;
use crate::meters::add;
use crate::stop::Stop;
use crate::time::Time;

/// Documents of one request.
pub(crate) const AT_ONCE: usize = 100;

/// Fetches them as of a time.
pub(crate) async fn rows(
    client: &Client,
    stop: &Stop,
    names: &[String],
    at: Time,
) -> Result<Vec<Row>, Failure> {
    let root = client.source().root();
    let documents = stop.or(client.get(names, at)).await?;
    add(&client.meters().documents_read, documents.len());
    documents.iter().map(|document| Row::of(document, &root)).collect()
}
