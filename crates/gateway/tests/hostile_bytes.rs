//! Random and mutated bytes for what reads the requests of strangers.

use testkit::fuzz::Target;

const CHANNEL_REQUESTS: Target =
    Target { name: "channel_requests", run: gateway::fuzz::channel_requests, corpus: channel_request_corpus };

fn channel_request_corpus() -> Vec<Vec<u8>> {
    let requests = [
        "VER=8&database=projects%2Fp%2Fdatabases%2F(default)&RID=1&CVER=22&X-HTTP-Session-Id=gsessionid&t=1\n\
         headers=X-Goog-Api-Client%3Agl-js%2F%0D%0AAuthorization%3ABearer%20x%0D%0A&count=1&ofs=0&\
         req0___data__=%7B%22database%22%3A%22%C3%A9%F0%9F%98%80+%22%7D",
        "SID=abc&RID=2&AID=7\ncount=2&ofs=3&req1___data__=b&req0___data__=a",
        "SID=abc&RID=rpc&AID=9&CI=0&TYPE=xmlhttp",
        "SID=abc&RID=rpc&AID=9&CI=1&TO=5000&%24httpHeaders=a%3Ab%0D%0A",
        "SID=abc&TYPE=terminate\n",
    ];
    requests.map(|request| request.as_bytes().to_vec()).into()
}

#[test]
fn requests_of_web_channels() {
    CHANNEL_REQUESTS.shake(1, 30_000);
}
