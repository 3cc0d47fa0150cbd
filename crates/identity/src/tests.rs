//! The door's tests: who gets in, who does not, and what they read.

mod accounts;
mod development;
mod exchange;
mod forge;
mod hostile;
mod issuers;
mod key_server;
mod registers;
mod secrecy;
mod users;
