//! The door that the command line asks for.

use std::sync::Arc;

use host::Host;
use identity::{Door, Options};

use crate::arguments::ServeArguments;
use crate::failure::Failure;

/// Makes the door. Fails when something that it trusts cannot be read.
pub(crate) fn open(arguments: &ServeArguments, host: Host) -> Result<Arc<Door>, Failure> {
    let asked = &arguments.door;
    if !asked.auth {
        return Ok(Arc::new(Door::development(host)));
    }
    let register = asked.keys.clone().unwrap_or_else(|| Options::register_in(&arguments.data));
    let mut options = Options::new(register);
    options.issuers = asked.auth_issuer.clone();
    options.audiences = asked.auth_audience.clone();
    let door = Door::verified(options, host).map_err(|failure| Failure::new(failure.to_string()))?;
    Ok(Arc::new(door))
}
