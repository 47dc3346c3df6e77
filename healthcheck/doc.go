// Package healthcheck probes addresses and keeps the table of their states.
//
// A [Target] is one address (or one host name) and the [Check] that probes it.
// A [Monitor] probes every target of the list given to [Monitor.Set], feeds each
// result to the pure function [State.Step], and hands an immutable [Snapshot] of
// all states to [Options.Publish] whenever something changed that answers depend
// on: a status, or a streak of results against the status.
//
// # Timing
//
// The interval runs from the end of a probe to the start of the next one, and a
// target has at most one probe in flight. Jitter only shortens an interval, and so does
// what keeps targets apart that were held up together (see Monitor.rest). The
// first round goes out at once; the second is spread over the interval, again
// by shortening it. So a server that fails is out after at most
//
//	interval + timeout + (fall - 1) x (recheck + timeout)      if it hangs
//	the same with the time to refuse in place of timeout       if it refuses or answers wrongly
//
// where recheck is the interval unless [Check.Recheck] says less, and is back after at
// most rise x (interval + time to answer), plus the time to publish. [Check.Cooldown]
// and [Check.Failback] hold it back longer: it then comes back with the first good
// result after the hold has ended, or by [Monitor.Readmit]. A status that changes after
// a second without another such change is published at once, further ones when a second
// has passed since; a streak is published at once after a second without any
// publication, else when that second has passed, and never delays a change of status.
// With interval 750 ms, timeout 1 s, rise 2 and fall 2 that makes 3.5 s for a hung
// server and 1.5 s for one that refuses, to which this package adds well under 50 ms on
// a machine that keeps up. Only more probes due than may be in flight
// ([Options.MaxInFlight], [Options.MaxPrograms]) stretch these bounds; that raises the
// alarm [Saturated].
//
// A check of type push probes nothing: [Monitor.Report] takes what a server says of
// itself as a result, and a silence of [Check.Silence] is a bad one.
//
// # Faults of this host
//
// A probe that fails for want of a route, a source address, a descriptor or a
// buffer here says nothing about the target: no state and no streak changes and
// an alarm is raised. Whether there is a route is asked of the kernel by
// connecting a UDP socket, which sends nothing. A target that was never probed and
// has no route, or has had none for a minute, is [Unprobed]: its family is not in
// use here. It is asked again at every interval, at least every 30 seconds.
//
// # Probes
//
// Redirects are not followed. A connection is closed after its probe with a reset, so
// that thousands of probes a second leave no TIME_WAIT sockets behind, or kept for the
// next one if [Check.KeepAlive] says so. A header is read to 64 KiB, a body to
// [Check.BodyLimit], and all of a probe (resolving, connecting, TLS, reading) ends at
// its timeout, so a hostile server costs one probe's bounded memory for one timeout.
// A program of an exec check is killed with its process group.
//
// # Concurrency
//
// [Monitor] is safe for concurrent use. [Snapshot] is immutable; [Check],
// [Target] and [State] are plain values.
package healthcheck
