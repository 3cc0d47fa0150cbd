//! The envelope: a call of any service, and its answer.

use bytes::Bytes;

use crate::appengine::codec::messages;

messages! {
    /// A call. `request` is the message of the method.
    Request {
        2 service_name: String,
        3 method: String,
        4 request: Bytes,
        5 request_id: Option<String>,
    }

    /// An answer: one of the three is there.
    Response {
        1 response: Option<Bytes>,
        3 application_error: Option<ApplicationError>,
        5 rpc_error: Option<RpcError>,
    }

    /// The service refuses; codes are its own.
    ApplicationError {
        1 code: i32,
        2 detail: String,
    }

    /// The call never reached a service.
    RpcError {
        1 code: i32,
        2 detail: Option<String>,
    }
}
