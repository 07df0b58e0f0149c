//! `wasi:http` as a guest sees it, over the bridge: the worker itself has no network.
//!
//! A request waits here until its body is whole, goes to the host as one message, and its answer comes back as one. The guest's
//! streams, futures and timeouts are those of the engine's own bindings, which are given these hooks instead of a sender.

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::{
    Request, Response,
    header::{HeaderName, HeaderValue},
};
use wasmtime::component::{Component, Linker};
use wasmtime_wasi_http::{
    Error, RequestOptions, WasiBody, WasiHttpCtx, WasiHttpCtxView, WasiHttpHooks, WasiHttpView,
};

use super::{
    bridge::{Bridge, BridgeError},
    guest::GuestState,
};
use crate::{
    limits::Limits,
    messages::{ByteBuf, HostReply, HostRequest, HttpFailure, HttpRequest, HttpResponse},
};

/// Lets a guest that imports `wasi:http` have it. One that does not import it has no way to it.
pub(super) fn add_to_linker(linker: &mut Linker<GuestState>, component: &Component) -> wasmtime::Result<()> {
    let imports_http =
        component.component_type().imports(linker.engine()).any(|(name, _)| name.starts_with("wasi:http/"));
    if imports_http { wasmtime_wasi_http::p2::add_only_http_to_linker_async(linker) } else { Ok(()) }
}

/// What a store holds for its guest's requests.
pub(super) struct Http {
    context: WasiHttpCtx,
    sender: Sender,
}

/// Hands requests to the host.
struct Sender {
    bridge: Bridge,
    most_body_bytes: usize,
}

impl Http {
    pub(super) fn new(bridge: &Bridge, limits: &Limits) -> Self {
        let sender = Sender { bridge: bridge.clone(), most_body_bytes: limits.most_http_request_bytes() };
        Self { context: WasiHttpCtx::new(), sender }
    }
}

impl WasiHttpView for GuestState {
    fn http(&mut self) -> WasiHttpCtxView<'_> {
        WasiHttpCtxView {
            hooks: &mut self.http.sender,
            table: &mut self.handles,
            ctx: &mut self.http.context,
        }
    }
}

/// What becomes of what is left of an exchange when its answer is there: nothing.
type Rest = Box<dyn Future<Output = Result<(), Error>> + Send>;

impl WasiHttpHooks for Sender {
    /// The host says which server it speaks to.
    fn set_host_header(&mut self) -> bool {
        false
    }

    fn send_request(
        &mut self,
        request: Request<WasiBody>,
        options: Option<RequestOptions>,
        _: Rest,
    ) -> Box<dyn Future<Output = Result<(Response<WasiBody>, Rest), Error>> + Send> {
        let bridge = self.bridge.clone();
        let most_body_bytes = self.most_body_bytes;
        Box::new(async move {
            let request = gather(request, options, most_body_bytes).await?;
            match bridge.ask(HostRequest::Http(request)) {
                Ok(HostReply::Http(Ok(response))) => {
                    Ok((answer(response)?, Box::new(async { Ok(()) }) as Rest))
                }
                Ok(HostReply::Http(Err(failure))) => Err(error(failure)),
                Ok(_) => Err(internal(&BridgeError::WrongAnswer)),
                Err(BridgeError::Limit(_)) => Err(Error::ConnectionLimitReached),
                Err(lost @ (BridgeError::Frame(_) | BridgeError::WrongAnswer)) => Err(internal(&lost)),
            }
        })
    }
}

/// The whole request, when the guest has finished its body.
async fn gather(
    request: Request<WasiBody>,
    options: Option<RequestOptions>,
    most_body_bytes: usize,
) -> Result<HttpRequest, Error> {
    let (head, mut incoming) = request.into_parts();
    let url = head.uri.to_string();
    if url.len() > HttpRequest::MOST_URL_BYTES {
        return Err(Error::HttpRequestUriTooLong);
    }
    let headers = head
        .headers
        .iter()
        .map(|(name, value)| (name.to_string(), ByteBuf::from(value.as_bytes())))
        .collect();
    let mut request = HttpRequest {
        method: head.method.to_string(),
        url,
        headers,
        body: ByteBuf::new(),
        connect_timeout: options.and_then(|options| options.connect_timeout),
        first_byte_timeout: options.and_then(|options| options.first_byte_timeout),
    };
    if request.header_bytes() > HttpRequest::MOST_HEADER_BYTES {
        let most = u32::try_from(HttpRequest::MOST_HEADER_BYTES).ok();
        return Err(Error::HttpRequestHeaderSectionSize(most));
    }
    while let Some(frame) = incoming.frame().await {
        // trailers have nowhere to go, and a guest that needs them is told
        let data = frame?.into_data().map_err(|_| Error::HttpRequestTrailerSectionSize(Some(0)))?;
        if request.body.len() + data.len() > most_body_bytes {
            return Err(Error::HttpRequestBodySize(Some(most_body_bytes as u64)));
        }
        request.body.extend_from_slice(&data);
    }
    Ok(request)
}

fn answer(response: HttpResponse) -> Result<Response<WasiBody>, Error> {
    let body =
        Full::new(Bytes::from(response.body.into_vec())).map_err(|never| match never {}).boxed_unsync();
    let mut answer = Response::new(body);
    *answer.status_mut() = response.status.try_into().map_err(|_| Error::HttpProtocolError)?;
    for (name, value) in response.headers {
        let (Ok(name), Ok(value)) =
            (HeaderName::from_bytes(name.as_bytes()), HeaderValue::from_bytes(&value))
        else {
            return Err(Error::HttpProtocolError);
        };
        answer.headers_mut().append(name, value);
    }
    Ok(answer)
}

fn internal(error: &BridgeError) -> Error {
    Error::InternalError(Some(error.to_string()))
}

/// Why there is no answer, in the words of `wasi:http`. Most have no room for a reason: that is in the log of the run.
fn error(failure: HttpFailure) -> Error {
    match failure {
        HttpFailure::Denied(_) => Error::HttpRequestDenied,
        HttpFailure::Prohibited(_) => Error::DestinationIpProhibited,
        HttpFailure::BadRequest(_) => Error::HttpRequestUriInvalid,
        HttpFailure::RequestTooLarge(most) => Error::HttpRequestBodySize(Some(most)),
        HttpFailure::NoSuchHost(reason) => Error::DnsError { rcode: Some(reason), info_code: None },
        HttpFailure::NoConnection(_) => Error::ConnectionRefused,
        HttpFailure::ConnectTimedOut => Error::ConnectionTimeout,
        HttpFailure::Tls(_) => Error::TlsCertificateError,
        HttpFailure::TimedOut => Error::HttpResponseTimeout,
        HttpFailure::Closed(_) => Error::HttpResponseIncomplete,
        HttpFailure::HeadersTooLarge => Error::HttpResponseHeaderSectionSize(None),
        HttpFailure::ResponseTooLarge(most) => Error::HttpResponseBodySize(Some(most)),
        HttpFailure::Protocol(_) => Error::HttpProtocolError,
        HttpFailure::Failed(reason) => Error::InternalError(Some(reason)),
    }
}
