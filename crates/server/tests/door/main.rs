//! The door over real sockets: who is let in on every wire, what control requests take, limits, and the audit log.

#[path = "../rest/http.rs"]
#[allow(dead_code, reason = "a part is used")]
mod http;
#[path = "../scene/mod.rs"]
mod scene;

mod abuse;
mod control;
mod issuer;
mod limits;
mod methods;
mod process;
mod rules_command;
mod secrets;
mod wires;
mod withdrawn;
