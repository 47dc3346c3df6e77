package server

import (
	"bufio"
	"encoding/binary"
	"encoding/hex"
	"net/netip"
	"os"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

// holders returns the sockets that stand in the way of addr, with their processes where permitted.
func holders(network string, addr netip.AddrPort) []holder {
	return procfs("/proc").holders(network, addr)
}

// procfs is where the proc file system is mounted.
type procfs string

func (p procfs) holders(network string, addr netip.AddrPort) []holder {
	var found []holder
	for _, table := range []string{network, network + "6"} {
		found = append(found, p.table(table, addr)...)
	}
	if len(found) == 0 {
		return nil
	}
	found = p.name(found)
	slices.SortFunc(found, func(a, b holder) int { return a.addr.Compare(b.addr) })
	return slices.CompactFunc(found, func(a, b holder) bool { return a.addr == b.addr && a.pid == b.pid && a.user == b.user })
}

// The states, in those tables, of a socket that waits for anybody: a UDP socket is listed as closed.
const (
	listeningTCP = "0A"
	listeningUDP = "07"
)

// table reads one of /proc/net/udp, udp6, tcp, tcp6.
func (p procfs) table(name string, addr netip.AddrPort) []holder {
	f, err := os.Open(filepath.Join(string(p), "net", name))
	if err != nil {
		return nil
	}
	defer f.Close()
	listening := listeningTCP
	if strings.HasPrefix(name, "udp") {
		listening = listeningUDP
	}
	var found []holder
	for lines := bufio.NewScanner(f); lines.Scan(); {
		column := strings.Fields(lines.Text())
		if len(column) < 10 || column[3] != listening {
			continue
		}
		local, ok := parseLocal(column[1])
		if !ok || !inTheWay(local, addr) {
			continue
		}
		inode, err := strconv.ParseUint(column[9], 10, 64)
		if err == nil {
			found = append(found, holder{addr: local, inode: inode, user: userName(column[7])})
		}
	}
	return found
}

// inTheWay tells whether a socket bound to local keeps another from addr. The tables do not say whether an
// IPv6 wildcard takes IPv4 as well; it usually does.
func inTheWay(local, addr netip.AddrPort) bool {
	if local.Addr().Is6() && addr.Addr().Is4() {
		return local.Port() == addr.Port() && local.Addr().IsUnspecified()
	}
	return overlaps(local, addr)
}

// parseLocal reads "0100007F:0035": words in the machine's order, the port in hexadecimal.
func parseLocal(s string) (netip.AddrPort, bool) {
	host, port, _ := strings.Cut(s, ":")
	raw, err := hex.DecodeString(host)
	n, err2 := strconv.ParseUint(port, 16, 16)
	if err != nil || err2 != nil || len(raw)%4 != 0 {
		return netip.AddrPort{}, false
	}
	for i := 0; i < len(raw); i += 4 {
		binary.NativeEndian.PutUint32(raw[i:], binary.BigEndian.Uint32(raw[i:]))
	}
	a, ok := netip.AddrFromSlice(raw)
	return netip.AddrPortFrom(a.Unmap(), uint16(n)), ok
}

func userName(uid string) string {
	if u, err := user.LookupId(uid); err == nil {
		return u.Username
	}
	return uid
}

// name finds the process of each socket by the descriptors under /proc/PID/fd. A socket held by several
// processes is listed for each.
func (p procfs) name(sockets []holder) []holder {
	var named []holder
	links, _ := filepath.Glob(filepath.Join(string(p), "[0-9]*", "fd", "*"))
	for _, link := range links {
		target, err := os.Readlink(link)
		if err != nil || !strings.HasPrefix(target, "socket:[") {
			continue
		}
		for _, h := range sockets {
			if target == "socket:["+strconv.FormatUint(h.inode, 10)+"]" {
				named = append(named, p.process(h, link))
			}
		}
	}
	for _, h := range sockets {
		if !slices.ContainsFunc(named, func(n holder) bool { return n.inode == h.inode }) {
			named = append(named, h)
		}
	}
	return named
}

func (p procfs) process(h holder, link string) holder {
	dir := filepath.Dir(filepath.Dir(link))
	h.pid, _ = strconv.Atoi(filepath.Base(dir))
	comm, err := os.ReadFile(filepath.Join(dir, "comm"))
	if err == nil {
		h.name = strings.TrimSpace(string(comm))
	}
	return h
}
