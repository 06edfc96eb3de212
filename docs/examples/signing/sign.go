// Sign a record in plain Go, without modules. Prints the header `ce_signature` for the value on stdin:
//
//	go run sign.go KEY TOPIC CE_ID CE_TIME < value.json
//
// KEY: 64 hexadecimal digits, as `openssl rand -hex 32` makes them.
package main

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"log"
	"os"
	"strings"
)

// signature is the header's value; topic, id and time as they stand in the record.
func signature(key ed25519.PrivateKey, topic, id, time string, value []byte) string {
	lines := []string{"pointsman-signature-v1", topic, id, time, fmt.Sprintf("%x", sha256.Sum256(value))}
	keyID := sha256.Sum256(key.Public().(ed25519.PublicKey))
	signed := ed25519.Sign(key, []byte(strings.Join(lines, "\n")))
	return fmt.Sprintf("%x:%s", keyID[:8], base64.StdEncoding.EncodeToString(signed))
}

func main() {
	if len(os.Args) != 5 {
		log.Fatal("usage: sign.go KEY TOPIC CE_ID CE_TIME < value")
	}
	seed, err := hex.DecodeString(os.Args[1])
	if err != nil || len(seed) != ed25519.SeedSize {
		log.Fatal("KEY: 64 hexadecimal digits")
	}
	value, err := io.ReadAll(os.Stdin)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(signature(ed25519.NewKeyFromSeed(seed), os.Args[2], os.Args[3], os.Args[4], value))
}
