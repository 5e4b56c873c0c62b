// go-tuf behind the protocol of the interop drivers (test/interop/support/clients.ts): one JSON request a line on
// standard input, one JSON answer a line on standard output.
package main

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"
	"time"

	"github.com/theupdateframework/go-tuf/v2/metadata/config"
	"github.com/theupdateframework/go-tuf/v2/metadata/updater"
)

const module = "github.com/theupdateframework/go-tuf/v2"

type request struct {
	MetadataURL string   `json:"metadataUrl"`
	TargetsURL  string   `json:"targetsUrl"`
	Root        string   `json:"root"`
	State       string   `json:"state"`
	Now         string   `json:"now"`
	Targets     []string `json:"targets"`
}

type refused struct {
	Error string `json:"error"`
}

type found struct {
	Sha256 string `json:"sha256"`
}

// answer.Refresh is "ok" or refused; a value of Targets is found, "absent" or refused.
type answer struct {
	Clock            string         `json:"clock"`
	Refresh          any            `json:"refresh"`
	RootVersion      int64          `json:"rootVersion,omitempty"`
	TimestampVersion int64          `json:"timestampVersion,omitempty"`
	SnapshotVersion  int64          `json:"snapshotVersion,omitempty"`
	Targets          map[string]any `json:"targets"`
}

func main() {
	out := json.NewEncoder(os.Stdout)
	out.SetEscapeHTML(false)
	send(out, map[string]string{"client": "go-tuf", "version": version()})
	lines := bufio.NewReader(os.Stdin)
	for {
		line, err := lines.ReadBytes('\n')
		if len(line) == 0 && err != nil {
			return
		}
		var req request
		if err := json.Unmarshal(line, &req); err != nil {
			send(out, map[string]string{"failure": err.Error()})
			continue
		}
		send(out, run(req))
	}
}

func run(req request) answer {
	result := answer{Clock: "wall", Refresh: "ok", Targets: map[string]any{}}
	client, err := newUpdater(req, &result)
	if err == nil {
		err = client.Refresh()
		versions(client, &result)
	}
	if err != nil {
		result.Refresh = refusal(err)
		return result
	}
	for _, path := range req.Targets {
		result.Targets[path] = lookUp(client, path, filepath.Join(req.State, "targets", "download"))
	}
	return result
}

// newUpdater starts from the root that the client kept, as go-tuf's own example client does; a fresh one gets the
// trusted root of the request.
func newUpdater(req request, result *answer) (*updater.Updater, error) {
	metadataDir := filepath.Join(req.State, "metadata")
	root, err := os.ReadFile(filepath.Join(metadataDir, "root.json"))
	if errors.Is(err, fs.ErrNotExist) {
		root, err = os.ReadFile(req.Root)
	}
	if err != nil {
		return nil, err
	}
	cfg, err := config.New(req.MetadataURL, root)
	if err != nil {
		return nil, err
	}
	cfg.LocalMetadataDir = metadataDir
	cfg.LocalTargetsDir = filepath.Join(req.State, "targets")
	cfg.RemoteTargetsURL = req.TargetsURL
	client, err := updater.New(cfg)
	if err != nil || req.Now == "" {
		return client, err
	}
	now, err := time.Parse(time.RFC3339, req.Now)
	if err != nil {
		return nil, err
	}
	client.UnsafeSetRefTime(now)
	result.Clock = "given"
	return client, nil
}

func lookUp(client *updater.Updater, path, file string) any {
	info, err := client.GetTargetInfo(path)
	if err != nil {
		// go-tuf has no error type for a target that no role lists.
		if err.Error() == fmt.Sprintf("target %s not found", path) {
			return "absent"
		}
		return refusal(err)
	}
	_, bytes, err := client.DownloadTarget(info, file, "")
	if err != nil {
		return refusal(err)
	}
	if err := os.Remove(file); err != nil {
		return refusal(err)
	}
	sum := sha256.Sum256(bytes)
	return found{hex.EncodeToString(sum[:])}
}

// versions reports what the client trusts now, also when the refresh was refused on the way.
func versions(client *updater.Updater, result *answer) {
	trusted := client.GetTrustedMetadataSet()
	result.RootVersion = trusted.Root.Signed.Version
	if trusted.Timestamp != nil {
		result.TimestampVersion = trusted.Timestamp.Signed.Version
	}
	if trusted.Snapshot != nil {
		result.SnapshotVersion = trusted.Snapshot.Signed.Version
	}
}

// refusal is "ErrName: message".
func refusal(err error) refused {
	name := fmt.Sprintf("%T", err)
	return refused{name[strings.LastIndex(name, ".")+1:] + ": " + err.Error()}
}

func send(out *json.Encoder, value any) {
	if err := out.Encode(value); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	for _, dep := range info.Deps {
		if dep.Path == module {
			return dep.Version
		}
	}
	return "unknown"
}
