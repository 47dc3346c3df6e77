// Package nameserver puts Meridian together: a configuration becomes pools, zones and health checks, these become
// views, and a server answers from the newest view.
//
// A Plan is what a configuration comes to without zones and health: geo database, partition, compiled pools. It is
// immutable. Prepare touches nothing that is running, so a plan that fails costs an error message and nothing else.
//
// A Nameserver runs. Whatever changes (zone files, states of health, geo databases, the configuration) ends in one
// new View, published through one atomic pointer; one mutex orders the publications and queries never take it. All
// methods of Nameserver are safe for concurrent use.
package nameserver
