# Varnish (6 to 7) in front of a Durable Streams server: thousands of readers of a stream cost
# the origin a handful of requests an event. Try it beside `make run`:
#
#   varnishd -F -a 127.0.0.1:8080 -n /tmp/varnish -s malloc,256m -f $PWD/localstack/cdn/default.vcl
#
# What may be kept, and for how long, the origin says (Cache-Control). Here is only what it
# cannot say: which requests are one, and what to do with those that wait for the same answer.
vcl 4.1;

import std;

backend origin {
    .host = "127.0.0.1";
    .port = "4437";
    # Longer than the origin holds a long-poll (LONG_POLL_WAIT).
    .first_byte_timeout = 60s;
}

sub vcl_recv {
    # One request, one URL.
    set req.url = std.querysort(req.url);

    # These are different for each reader: they must not wait for one another.
    # (Requests with Authorization pass, too: built-in code of Varnish does that.)
    if (req.url ~ "[?&](live=sse|offset=now)(&|$)") {
        return (pass);
    }
}

sub vcl_backend_response {
    if (beresp.http.Cache-Control ~ "(^|[ ,])private") {
        # Nobody else may have it, nor should anybody wait for it for long.
        set beresp.uncacheable = true;
        set beresp.ttl = 10s;
        return (deliver);
    }

    # A long-poll that brought nothing, and the tail of an open stream, are true for a moment
    # only. They go to all who are waiting for them, and are not given out any later: without
    # this, each of them would ask the origin by itself. Nobody misses anything by it: the
    # next request has the same offset, and for a long-poll another cursor.
    if ((beresp.status == 204 && bereq.url ~ "[?&]live=long-poll(&|$)")
        || (beresp.status == 200 && beresp.http.Cache-Control ~ "no-cache")) {
        set beresp.ttl = 1s;
        set beresp.grace = 0s;
        return (deliver);
    }

    # Errors: the next one asks again.
    if (beresp.http.Cache-Control ~ "no-store") {
        set beresp.uncacheable = true;
        set beresp.ttl = 1s;
        return (deliver);
    }
}
