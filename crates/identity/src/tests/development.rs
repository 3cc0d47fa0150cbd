//! The door that believes everybody, case by case as Google's emulator.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use model::{Code, Principal, Value};
use serde_json::json;

use super::forge::{World, uid, unsigned};
use crate::{Credentials, Door};

async fn admit(authorization: &str) -> Result<Principal, Code> {
    let door = Door::development(World::trusting(Vec::new()).host);
    assert!(door.is_development());
    door.admit(&Credentials::of(Some(authorization))).await.map_err(|status| {
        assert_eq!(status.message, "invalid jwt");
        status.code
    })
}

#[tokio::test]
async fn whoever_calls_themselves_owner_is_the_administrator() {
    for header in
        ["Bearer owner", "bearer OWNER", "BEARER Owner", "Bearer  owner ", "Bearer ya29.x", "Bearer YA29.y"]
    {
        assert_eq!(admit(header).await, Ok(Principal::Administrator), "{header}");
    }
    for header in ["", "Bearer", "Bearer ", "Basic b3duZXI=", "owner", "Bearer\towner"] {
        assert_eq!(admit(header).await, Ok(Principal::Anonymous), "{header}");
    }
}

#[tokio::test]
async fn any_token_is_a_user() {
    let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
    let header = json!({ "alg": "none", "type": "JWT" });
    let table = [
        (json!({ "user_id": "a", "sub": "b", "exp": 1 }), "a"),
        (json!({ "sub": "b", "aud": "another", "admin": true }), "b"),
        (json!({}), ""),
    ];
    for (claims, expected) in table {
        let token = format!("Bearer {}.", unsigned(&header, &claims));
        assert_eq!(uid(&admit(&token).await.unwrap()), expected, "{claims}");
    }
    let claims = json!({ "sub": "u", "level": 7 });
    let padded = format!("Bearer {}.eyJzdWIiOiJ1In0=.", part("{}"));
    assert_eq!(uid(&admit(&padded).await.unwrap()), "u");
    let Ok(Principal::User(user)) = admit(&format!("Bearer {}.", unsigned(&header, &claims))).await else {
        panic!("a user")
    };
    assert_eq!(
        (user.claims.get("level"), &user.project, user.expires),
        (Some(&Value::Integer(7)), &None, None)
    );
}

#[tokio::test]
async fn what_is_no_token_is_said_to_be_none() {
    let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
    let of = |header: &str, claims: &str| format!("{}.{}.", part(header), part(claims));
    let wrong = [
        "x".to_owned(),
        "a.b".to_owned(),
        "a.b.c.d".to_owned(),
        of("{}", "null"),
        of("{}", "[]"),
        of("{}", "\"text\""),
        of("[]", "{}"),
        of("{}", ""),
        format!("{}.e30+.", part("{}")),
        format!("{}.e30/.", part("{}")),
        format!("{}.{}.!", part("{}"), part("{}")),
    ];
    for token in wrong {
        assert_eq!(admit(&format!("Bearer {token}")).await, Err(Code::InvalidArgument), "{token}");
    }
}

#[tokio::test]
async fn it_gives_no_tokens() {
    let door = Door::development(World::trusting(Vec::new()).host);
    let refusal = door.exchange("urn:ietf:params:oauth:grant-type:jwt-bearer", "x").await.unwrap_err();
    assert_eq!(refusal.error, "invalid_request");
    assert!(refusal.error_description.contains("--auth"));
}
