//! What answers look like: an object or an array, and the form of its text.

use bytes::Bytes;
use http::HeaderValue;
use model::Status;
use wire::methods::Method;

use super::array::Elements;
use super::parameters::{Alt, Parameters};
use super::refusal::Refusal;
use crate::grpc::frames::Frames;
use crate::json::{self, Style};

pub(super) const PROTOBUF: HeaderValue = HeaderValue::from_static("application/x-protobuf");
const JSON: HeaderValue = HeaderValue::from_static("application/json; charset=UTF-8");

/// The form of one request's answer.
#[derive(Clone, Copy)]
pub(super) struct Form {
    /// The full name of the answer's messages.
    message: &'static str,
    /// True when there may be many of them.
    is_array: bool,
    alt: Alt,
    style: Style,
}

impl Form {
    /// The form of an answer of `method`.
    pub(super) fn of(method: Method, parameters: &Parameters) -> Self {
        let definition = method.definition();
        let (message, is_array) = (definition.response, definition.server_streaming);
        // Streams have no protobuf form here.
        let alt = if is_array { Alt::Json } else { parameters.alt };
        Form { message, is_array, alt, style: parameters.style }
    }

    pub(super) fn content_type(self) -> HeaderValue {
        match self.alt {
            Alt::Json => JSON,
            Alt::Proto => PROTOBUF,
        }
    }

    /// An array to come.
    pub(super) fn elements(self) -> Elements {
        Elements::new(self.message, self.style)
    }

    /// An answer that is all there.
    pub(super) fn whole(self, frames: &Frames) -> Result<Bytes, Status> {
        if self.is_array {
            let mut elements = self.elements();
            let mut text = elements.text(frames)?;
            elements.end(&mut text);
            return Ok(text.into());
        }
        let message = frames.messages().next().unwrap_or_default();
        match self.alt {
            Alt::Json => Ok(self.ended(json::answer(self.message, message, self.style)?)),
            Alt::Proto => Ok(Bytes::copy_from_slice(message)),
        }
    }

    /// A refusal instead of an answer.
    pub(super) fn refusal(self, refusal: &Refusal) -> Bytes {
        match self.alt {
            Alt::Json if self.is_array => {
                let (mut elements, mut text) = (self.elements(), String::new());
                elements.push_refusal(&mut text, refusal);
                elements.end(&mut text);
                text.into()
            }
            Alt::Json => self.ended(refusal.json(self.style)),
            Alt::Proto => refusal.protobuf(),
        }
    }

    fn ended(self, mut text: String) -> Bytes {
        if self.style.pretty {
            text.push('\n');
        }
        text.into()
    }
}
