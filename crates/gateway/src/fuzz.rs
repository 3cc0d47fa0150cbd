//! Readers of what strangers send, for fuzzers: each takes any bytes, and panics when something is wrong.

pub use crate::appengine::read_hostile as app_calls;
pub use crate::conversation::read_hostile as stream_requests;
pub use crate::grpc::frames::read_hostile as call_messages;
pub use crate::grpc_web::read_hostile as web_text;
pub use crate::webchannel::read_hostile as channel_requests;
