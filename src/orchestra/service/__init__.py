"""The service: the web API, the live connection, the website's files.

    app              composition: parts, routes, tasks          read this first
    edge             outermost: base path, headers, files       authentication, authorization: who, and may they
    request, strict_json, problems                              what comes in, what goes wrong
    routes/          one file per resource                      entities: what goes out
    tail, live/      what happens, told to who looks on         log_stream, event_stream: the same for programs
    openapi          the description of all of it

It knows the tables (through `storage`) and nothing of workers: a wish is a row and a hint, and the
master does the rest.
"""
