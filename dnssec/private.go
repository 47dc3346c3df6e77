package dnssec

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"encoding/base64"
	"errors"
	"fmt"
	"math/big"
	"strconv"
	"strings"
	"time"
)

// The text of private key files is that of BIND, Private-key-format v1.3: a line for each field. RSA keys are numbers,
// the others one octet string; behind them stand the times.

const privateFormat = "Private-key-format: v1.3"

// moment is a time under the name that files give it.
type moment struct {
	name string
	at   *time.Time
}

// timeFields are the moments of Times under the names that key files give them.
func timeFields(t *Times) []moment {
	return []moment{
		{"Created", &t.Created}, {"Publish", &t.Publish}, {"Activate", &t.Activate}, {"Inactive", &t.Inactive},
		{"Delete", &t.Delete}, {"DSPublish", &t.DSPublish}, {"DSDelete", &t.DSDelete},
		{"SyncPublish", &t.SyncPublish}, {"SyncDelete", &t.SyncDelete},
	}
}

const timeLayout = "20060102150405"

// formatPrivate writes the private part of a key and its times.
func formatPrivate(k *Key) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s\nAlgorithm: %d (%v)\n", privateFormat, k.Algorithm, k.Algorithm)
	for _, f := range privateFields(k) {
		fmt.Fprintf(&b, "%s: %s\n", f.name, base64.StdEncoding.EncodeToString(f.data))
	}
	for _, f := range timeFields(&k.Times) {
		if !f.at.IsZero() {
			fmt.Fprintf(&b, "%s: %s\n", f.name, f.at.UTC().Format(timeLayout))
		}
	}
	return b.Bytes()
}

// field is a part of a private key.
type field struct {
	name string
	data []byte
}

func privateFields(k *Key) []field {
	switch key := k.private.(type) {
	case *ecdsa.PrivateKey:
		secret, _ := key.Bytes() // it came from this curve
		return []field{{"PrivateKey", secret}}
	case ed25519.PrivateKey:
		return []field{{"PrivateKey", key.Seed()}}
	case *rsa.PrivateKey:
		return []field{
			{"Modulus", key.N.Bytes()}, {"PublicExponent", big.NewInt(int64(key.E)).Bytes()},
			{"PrivateExponent", key.D.Bytes()}, {"Prime1", key.Primes[0].Bytes()}, {"Prime2", key.Primes[1].Bytes()},
			{"Exponent1", key.Precomputed.Dp.Bytes()}, {"Exponent2", key.Precomputed.Dq.Bytes()},
			{"Coefficient", key.Precomputed.Qinv.Bytes()},
		}
	}
	return nil
}

// private is what a private key file says.
type private struct {
	algorithm Algorithm
	times     Times
	fields    map[string][]byte
}

// parsePrivate reads a private key file of any algorithm that can be used.
func parsePrivate(text []byte) (*private, error) {
	p := &private{fields: map[string][]byte{}}
	var format string
	for n, line := range strings.Split(string(text), "\n") {
		name, value, ok := strings.Cut(strings.TrimSpace(line), ":")
		if name == "" && !ok {
			continue
		}
		value = strings.TrimSpace(value)
		var err error
		switch {
		case !ok:
			err = errors.New("neither a field nor empty")
		case name == "Private-key-format":
			format = value
		case name == "Algorithm":
			p.algorithm, err = parseAlgorithmField(value)
		default:
			err = p.field(name, value)
		}
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n+1, err)
		}
	}
	if format != "v1.2" && format != "v1.3" {
		return nil, errors.New("not a private key of the form v1.2 or v1.3, which BIND's dnssec-keygen writes")
	}
	return p, p.algorithm.check()
}

func parseAlgorithmField(value string) (Algorithm, error) {
	number, _, _ := strings.Cut(value, " ")
	a, err := strconv.ParseUint(number, 10, 8)
	if err != nil {
		return 0, fmt.Errorf("%q is no algorithm", value)
	}
	return Algorithm(a), nil
}

// field reads a time or a part of the key.
func (p *private) field(name, value string) error {
	for _, f := range timeFields(&p.times) {
		if f.name == name {
			t, err := time.Parse(timeLayout, value)
			if err != nil {
				return fmt.Errorf("%s: %q is no time such as 20260131235959", name, value)
			}
			*f.at = t
			return nil
		}
	}
	switch name {
	case "Revoke":
		return errors.New("keys with a time to be revoked (RFC 5011) are not supported")
	case "Engine", "Label":
		return errors.New("keys in hardware are not supported")
	}
	data, err := base64.StdEncoding.DecodeString(value)
	if err != nil {
		return fmt.Errorf("%s is neither a time nor base64", name)
	}
	p.fields[name] = data
	return nil
}

// signer is the private key itself.
func (p *private) signer() (crypto.Signer, error) {
	if p.algorithm == RSASHA256 {
		return p.rsa()
	}
	secret := p.fields["PrivateKey"]
	if p.algorithm == ED25519 {
		if len(secret) != ed25519.SeedSize {
			return nil, fmt.Errorf("PrivateKey has %d octets, expected %d", len(secret), ed25519.SeedSize)
		}
		return ed25519.NewKeyFromSeed(secret), nil
	}
	size := (p.algorithm.curve().Params().BitSize + 7) / 8
	if len(secret) > size || len(secret) == 0 {
		return nil, fmt.Errorf("PrivateKey has %d octets, expected %d", len(secret), size)
	}
	secret = append(make([]byte, size-len(secret)), secret...)
	key, err := ecdsa.ParseRawPrivateKey(p.algorithm.curve(), secret)
	if err != nil {
		return nil, errors.New("PrivateKey is no key of this curve")
	}
	return key, nil
}

func (p *private) rsa() (crypto.Signer, error) {
	number := func(name string) *big.Int { return new(big.Int).SetBytes(p.fields[name]) }
	e := number("PublicExponent")
	if !e.IsInt64() || e.Int64() > 1<<31-1 {
		return nil, errors.New("PublicExponent is too large")
	}
	key := &rsa.PrivateKey{
		PublicKey: rsa.PublicKey{N: number("Modulus"), E: int(e.Int64())},
		D:         number("PrivateExponent"), Primes: []*big.Int{number("Prime1"), number("Prime2")},
	}
	if bits := key.N.BitLen(); bits < 1024 || bits > 4096 {
		return nil, fmt.Errorf("an RSA key of %d bits; RFC 5702 and the validators take 1024 to 4096", bits)
	}
	if err := key.Validate(); err != nil {
		return nil, errors.New("the numbers do not make an RSA key")
	}
	key.Precompute()
	return key, nil
}
