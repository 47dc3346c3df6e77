// Package demo shows Meridian at work on one machine: the very nameserver that serve runs, over an embedded
// configuration and zone, three small web servers to steer to, and a screen on which a person stops and starts them
// and watches the answers move.
//
// What is shown is asked for: every answer, each dot of the map too, comes from a query over UDP with the client
// subnet of that place. A Demo belongs to one goroutine.
package demo
