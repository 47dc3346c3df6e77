package dnssec

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"errors"
	"fmt"
	"math/big"
	"strings"
)

// Algorithm is a number of IANA's list "DNS Security Algorithm Numbers".
type Algorithm uint8

// The algorithms that keys may have. New keys are of the last three.
const (
	RSASHA256       Algorithm = 8
	ECDSAP256SHA256 Algorithm = 13
	ECDSAP384SHA384 Algorithm = 14
	ED25519         Algorithm = 15
)

// String is the algorithm's mnemonic.
func (a Algorithm) String() string {
	switch a {
	case RSASHA256:
		return "RSASHA256"
	case ECDSAP256SHA256:
		return "ECDSAP256SHA256"
	case ECDSAP384SHA384:
		return "ECDSAP384SHA384"
	case ED25519:
		return "ED25519"
	}
	return fmt.Sprintf("algorithm %d", uint8(a))
}

// ParseAlgorithm reads the mnemonic of an algorithm for new keys.
func ParseAlgorithm(s string) (Algorithm, error) {
	for _, a := range []Algorithm{ECDSAP256SHA256, ECDSAP384SHA384, ED25519} {
		if strings.EqualFold(s, a.String()) {
			return a, nil
		}
	}
	return 0, fmt.Errorf("%q is none of ECDSAP256SHA256, ECDSAP384SHA384, ED25519", s)
}

// check tells whether keys of the algorithm can be used. Others are refused or not known by validators (RFC 8624
// section 3.1), or weak.
func (a Algorithm) check() error {
	switch a {
	case RSASHA256, ECDSAP256SHA256, ECDSAP384SHA384, ED25519:
		return nil
	}
	why := "is not supported"
	switch a {
	case 5, 7:
		why = "signs by SHA-1, which validators refuse (RFC 9905)"
	case 1, 3, 6, 12:
		why = "must not be used any more (RFC 8624 section 3.1)"
	}
	return fmt.Errorf("algorithm %d %s; ECDSAP256SHA256 (13), ECDSAP384SHA384 (14), ED25519 (15) "+
		"and RSASHA256 (8) are supported", uint8(a), why)
}

// strongRSA is the least length of RSA keys that one may still rely on, in bits (NIST SP 800-57 part 1, table 2).
const strongRSA = 2048

// rsaBits is the length of an RSA key; 0 for others.
func (k *Key) rsaBits() int {
	if key, ok := k.private.(*rsa.PrivateKey); ok {
		return key.N.BitLen()
	}
	return 0
}

func (a Algorithm) curve() elliptic.Curve {
	if a == ECDSAP384SHA384 {
		return elliptic.P384()
	}
	return elliptic.P256()
}

// generate makes a private key.
func (a Algorithm) generate() (crypto.Signer, error) {
	switch a {
	case ECDSAP256SHA256, ECDSAP384SHA384:
		return ecdsa.GenerateKey(a.curve(), rand.Reader)
	case ED25519:
		_, private, err := ed25519.GenerateKey(rand.Reader)
		return private, err
	}
	return nil, fmt.Errorf("no new keys are made with %v", a)
}

// public is the public key field of the DNSKEY record of a private key.
func (a Algorithm) public(private crypto.Signer) ([]byte, error) {
	switch key := private.Public().(type) {
	case *ecdsa.PublicKey: // RFC 6605 section 4: the point without its first octet
		point, err := key.Bytes()
		if err != nil {
			return nil, err
		}
		return point[1:], nil
	case ed25519.PublicKey: // RFC 8080 section 3
		return key, nil
	case *rsa.PublicKey: // RFC 3110 section 2
		exponent := big.NewInt(int64(key.E)).Bytes()
		return append(append([]byte{byte(len(exponent))}, exponent...), key.N.Bytes()...), nil
	}
	return nil, fmt.Errorf("no public key of %v", a)
}

// sign appends a signature in the form that RRSIG records have.
func (a Algorithm) sign(dst []byte, private crypto.Signer, data []byte) ([]byte, error) {
	switch key := private.(type) {
	case *ecdsa.PrivateKey:
		return a.signECDSA(dst, key, data)
	case ed25519.PrivateKey:
		return append(dst, ed25519.Sign(key, data)...), nil
	case *rsa.PrivateKey:
		digest := sha256.Sum256(data)
		signature, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, digest[:])
		return append(dst, signature...), err
	}
	return dst, errors.New("the private part is not here")
}

// signECDSA appends r and s, each as long as the curve's order (RFC 6605 section 4). Without a source of randomness it
// is deterministic (RFC 6979), which is quicker by a sixth.
func (a Algorithm) signECDSA(dst []byte, key *ecdsa.PrivateKey, data []byte) ([]byte, error) {
	var der []byte
	var err error
	size := 32
	if a == ECDSAP384SHA384 {
		digest := sha512.Sum384(data)
		size = 48
		der, err = key.Sign(nil, digest[:], crypto.SHA384)
	} else {
		digest := sha256.Sum256(data)
		der, err = key.Sign(nil, digest[:], crypto.SHA256)
	}
	if err != nil {
		return dst, err
	}
	// SEQUENCE { r INTEGER, s INTEGER }, each length in one octet: the whole is shorter than 128.
	for n, rest := 0, der[2:]; n < 2; n++ {
		number := rest[2 : 2+rest[1]]
		rest = rest[2+rest[1]:]
		for len(number) > size {
			number = number[1:] // the octet that keeps it positive
		}
		dst = append(dst, make([]byte, size-len(number))...)
		dst = append(dst, number...)
	}
	return dst, nil
}
