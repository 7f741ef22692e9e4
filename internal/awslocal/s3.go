package awslocal

import (
	"bytes"
	"crypto/md5"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"hash/crc32"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// s3Service is S3 with path-style addresses.
type s3Service struct {
	server  *Server
	mu      sync.RWMutex
	buckets map[string]map[string]object
}

type object struct {
	body        []byte
	contentType string
	metadata    http.Header
	etag        string
	modified    time.Time
}

// Object is one stored S3 object.
type Object struct {
	Body        []byte
	ContentType string
}

func newS3(s *Server) *s3Service {
	return &s3Service{server: s, buckets: map[string]map[string]object{}}
}

// Object is an S3 object by bucket and key.
func (s *Server) Object(bucket, key string) (Object, bool) {
	s.buckets.mu.RLock()
	defer s.buckets.mu.RUnlock()
	o, ok := s.buckets.buckets[bucket][key]
	return Object{Body: o.body, ContentType: o.contentType}, ok
}

// s3Request is where a request goes.
type s3Request struct{ bucket, key string }

// route tells the operation by method and path: /bucket or /bucket/key.
func (s *s3Service) route(c *call) (protocol, operation) {
	var r s3Request
	r.bucket, r.key, _ = strings.Cut(strings.TrimPrefix(c.http.URL.Path, "/"), "/")
	on := func(name string, do func(*call, s3Request) (any, error)) (protocol, operation) {
		c.operation = name
		return s3Protocol{}, func(c *call) (any, error) { return do(c, r) }
	}
	switch method, hasKey := c.http.Method, r.key != ""; {
	case r.bucket == "":
	case method == http.MethodPut && hasKey:
		return on("PutObject", s.putObject)
	case method == http.MethodPut:
		return on("CreateBucket", s.createBucket)
	case method == http.MethodGet && hasKey:
		return on("GetObject", s.getObject)
	case method == http.MethodGet && c.http.URL.Query().Get("list-type") == "2":
		return on("ListObjectsV2", s.listObjects)
	case method == http.MethodHead && hasKey:
		return on("HeadObject", s.getObject)
	case method == http.MethodHead:
		return on("HeadBucket", s.headBucket)
	case method == http.MethodDelete && hasKey:
		return on("DeleteObject", s.deleteObject)
	}
	return on("Unknown", func(c *call, _ s3Request) (any, error) {
		return nil, &Error{Status: http.StatusNotImplemented, Code: "NotImplemented", Message: "The local AWS does not know " + c.http.Method + " " + c.http.URL.String()}
	})
}

// s3Answer is a success: a status with headers and a body.
type s3Answer struct {
	status int
	header http.Header
	body   []byte
}

type s3Protocol struct{}

func (s3Protocol) success(c *call, result any) (answer, error) {
	a, ok := result.(s3Answer)
	if !ok {
		return answer{}, fmt.Errorf("%s answered with a %T", c.operation, result)
	}
	return answer(a), nil
}

func (s3Protocol) failure(_ *call, e *Error) answer {
	var body bytes.Buffer
	body.WriteString(xml.Header + "<Error>")
	writeElement(&body, "Code", e.Code)
	writeElement(&body, "Message", e.Message)
	body.WriteString("</Error>")
	return answer{status: e.Status, header: http.Header{"Content-Type": {"application/xml"}}, body: body.Bytes()}
}

func noBucket() *Error {
	return &Error{Status: http.StatusNotFound, Code: "NoSuchBucket", Message: "The specified bucket does not exist"}
}

func (s *s3Service) createBucket(_ *call, r s3Request) (any, error) {
	if !regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`).MatchString(r.bucket) {
		return nil, refuse("InvalidBucketName", "The specified bucket is not valid.")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.buckets[r.bucket]; ok {
		return nil, &Error{Status: http.StatusConflict, Code: "BucketAlreadyOwnedByYou", Message: "Your previous request to create the named bucket succeeded and you already own it."}
	}
	s.buckets[r.bucket] = map[string]object{}
	return s3Answer{status: http.StatusOK, header: http.Header{"Location": {"/" + r.bucket}}}, nil
}

func (s *s3Service) headBucket(_ *call, r s3Request) (any, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	if _, ok := s.buckets[r.bucket]; !ok {
		return nil, &Error{Status: http.StatusNotFound, Code: "NotFound", Message: "Not Found"}
	}
	return s3Answer{status: http.StatusOK, header: http.Header{"X-Amz-Bucket-Region": {s.server.options.Region}}}, nil
}

func (s *s3Service) putObject(c *call, r s3Request) (any, error) {
	body, err := s3Body(c)
	if err != nil {
		return nil, err
	}
	sum := md5.Sum(body)
	o := object{body: body, contentType: c.http.Header.Get("Content-Type"), etag: `"` + hex.EncodeToString(sum[:]) + `"`, modified: c.time, metadata: http.Header{}}
	for name, values := range c.http.Header {
		if strings.HasPrefix(name, "X-Amz-Meta-") {
			o.metadata[name] = values
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	bucket, ok := s.buckets[r.bucket]
	if !ok {
		return nil, noBucket()
	}
	if _, exists := bucket[r.key]; exists && c.http.Header.Get("If-None-Match") == "*" {
		return nil, &Error{Status: http.StatusPreconditionFailed, Code: "PreconditionFailed", Message: "At least one of the pre-conditions you specified did not hold"}
	}
	bucket[r.key] = o
	return s3Answer{status: http.StatusOK, header: http.Header{"Etag": {o.etag}}}, nil
}

// s3Body is the object's bytes: unpacked where the client signed them in chunks, and checked against its checksum.
func s3Body(c *call) ([]byte, error) {
	body := c.body
	if strings.HasPrefix(c.http.Header.Get("X-Amz-Content-Sha256"), "STREAMING-") {
		unpacked, err := unpackChunks(body)
		if err != nil {
			return nil, refuse("InvalidRequest", "%v", err)
		}
		body = unpacked
	}
	if want := c.http.Header.Get("X-Amz-Checksum-Crc32"); want != "" {
		sum := binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE(body))
		if base64.StdEncoding.EncodeToString(sum) != want {
			return nil, refuse("BadDigest", "The CRC32 you specified did not match the calculated checksum.")
		}
	}
	return body, nil
}

// unpackChunks reads the aws-chunked encoding: size in hexadecimal, optional extensions, the bytes, until size zero.
func unpackChunks(packed []byte) ([]byte, error) {
	var body []byte
	for {
		line, rest, ok := bytes.Cut(packed, []byte("\r\n"))
		text, _, _ := strings.Cut(string(line), ";")
		size, err := strconv.ParseInt(text, 16, 64)
		if !ok || err != nil || size < 0 || size > int64(len(rest)) {
			return nil, fmt.Errorf("the body is not aws-chunked: bad chunk size %q", text)
		}
		if size == 0 {
			return body, nil
		}
		body = append(body, rest[:size]...)
		packed = bytes.TrimPrefix(rest[size:], []byte("\r\n"))
	}
}

func (s *s3Service) getObject(c *call, r s3Request) (any, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	bucket, ok := s.buckets[r.bucket]
	if !ok {
		return nil, noBucket()
	}
	o, ok := bucket[r.key]
	if !ok {
		return nil, &Error{Status: http.StatusNotFound, Code: "NoSuchKey", Message: "The specified key does not exist."}
	}
	header := maps.Clone(o.metadata)
	header.Set("Etag", o.etag)
	header.Set("Content-Length", strconv.Itoa(len(o.body)))
	header.Set("Last-Modified", o.modified.UTC().Format(http.TimeFormat))
	if o.contentType != "" {
		header.Set("Content-Type", o.contentType)
	}
	return s3Answer{status: http.StatusOK, header: header, body: o.body}, nil
}

func (s *s3Service) deleteObject(_ *call, r s3Request) (any, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	bucket, ok := s.buckets[r.bucket]
	if !ok {
		return nil, noBucket()
	}
	delete(bucket, r.key)
	return s3Answer{status: http.StatusNoContent}, nil
}

type listBucketResult struct {
	XMLName     xml.Name    `xml:"ListBucketResult"`
	Name        string      `xml:"Name"`
	Prefix      string      `xml:"Prefix"`
	KeyCount    int         `xml:"KeyCount"`
	MaxKeys     int         `xml:"MaxKeys"`
	IsTruncated bool        `xml:"IsTruncated"`
	Next        string      `xml:"NextContinuationToken,omitempty"`
	Contents    []objectXML `xml:"Contents"`
}

type objectXML struct {
	Key          string `xml:"Key"`
	LastModified string `xml:"LastModified"`
	ETag         string `xml:"ETag"`
	Size         int    `xml:"Size"`
	StorageClass string `xml:"StorageClass"`
}

// maxKeys is the number of keys of one ListObjectsV2 page.
const maxKeys = 1000

func (s *s3Service) listObjects(c *call, r s3Request) (any, error) {
	query := c.http.URL.Query()
	result := listBucketResult{Name: r.bucket, Prefix: query.Get("prefix"), MaxKeys: maxKeys}
	if n, err := strconv.Atoi(query.Get("max-keys")); err == nil {
		result.MaxKeys = min(n, maxKeys)
	}
	after := max(query.Get("start-after"), query.Get("continuation-token"))
	s.mu.RLock()
	defer s.mu.RUnlock()
	bucket, ok := s.buckets[r.bucket]
	if !ok {
		return nil, noBucket()
	}
	for _, key := range slices.Sorted(maps.Keys(bucket)) {
		if key <= after || !strings.HasPrefix(key, result.Prefix) {
			continue
		}
		if len(result.Contents) == result.MaxKeys {
			result.IsTruncated, result.Next = true, result.Contents[len(result.Contents)-1].Key
			break
		}
		o := bucket[key]
		result.Contents = append(result.Contents, objectXML{
			Key: key, LastModified: o.modified.UTC().Format("2006-01-02T15:04:05.000Z"), ETag: o.etag, Size: len(o.body), StorageClass: "STANDARD",
		})
	}
	result.KeyCount = len(result.Contents)
	body, err := xml.Marshal(result)
	if err != nil {
		return nil, fmt.Errorf("encode the list: %w", err)
	}
	return s3Answer{status: http.StatusOK, header: http.Header{"Content-Type": {"application/xml"}}, body: body}, nil
}
