//! What is compared: Irori as users run it, and what stands beside it in the same run.

pub mod account;
pub mod aged;
pub mod asker;
pub mod bulk;
pub mod empty_call;
pub mod end_user;
pub mod entities;
pub mod firestore;
pub mod guestbook;
pub mod hot_document;
pub mod in_process;
pub mod lean;
pub mod listeners;
pub mod postgres;
pub mod raw_engine;
pub mod readers;
pub mod server;
pub mod synchroniser;
