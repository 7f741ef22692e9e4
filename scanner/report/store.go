package report

import (
	"bytes"
	"context"
	"net/url"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/scanjob-dev/scanjob/api/contract"
	"github.com/scanjob-dev/scanjob/scanner/failure"
)

// Location is an object in S3.
type Location struct {
	Bucket string
	Key    string
}

// String returns the s3:// address.
func (l Location) String() string { return "s3://" + l.Bucket + "/" + l.Key }

// ParseLocation returns the object that an s3:// address names. An address that ends in a slash, or names only a bucket,
// is a folder; the report gets a name there that is made of the ScanJob's UID and the attempt.
func ParseLocation(address string, job contract.JobReference) (Location, error) {
	parsed, err := url.Parse(address)
	if err != nil || parsed.Scheme != "s3" || parsed.Host == "" || parsed.RawQuery != "" {
		return Location{}, failure.Request(nil, "%s is no address such as s3://bucket/folder/", contract.EnvReportURI)
	}
	key := strings.TrimPrefix(parsed.Path, "/")
	if key == "" || strings.HasSuffix(key, "/") {
		key += job.UID + "-" + strconv.Itoa(job.Attempt) + ".sarif"
	}
	return Location{Bucket: parsed.Host, Key: key}, nil
}

// Store writes the report. Its errors have a class.
func Store(ctx context.Context, config aws.Config, location Location, report []byte) error {
	client := s3.NewFromConfig(config, func(o *s3.Options) { o.RetryMaxAttempts = publishAttempts })
	_, err := client.PutObject(ctx, &s3.PutObjectInput{
		Bucket: aws.String(location.Bucket), Key: aws.String(location.Key), Body: bytes.NewReader(report),
		ContentType: aws.String("application/sarif+json"),
	})
	if err == nil {
		return nil
	}
	switch code := errorCode(err); code {
	case "NoSuchBucket", "InvalidBucketName":
		return failure.Request(err, "the bucket %s does not exist: check %s", location.Bucket, contract.EnvReportURI)
	case "AccessDenied", "AllAccessDisabled":
		return failure.Request(err, "no permission to write %s: allow s3:PutObject on it in the task role", location)
	case "PermanentRedirect", "AuthorizationHeaderMalformed":
		return failure.Request(err, "the bucket %s is in another region than the task", location.Bucket)
	case "":
		return failure.Temporary(err, "S3 could not be reached to write %s: check the network of the task, or its s3 endpoint", location)
	default:
		return failure.Temporary(err, "S3 did not accept %s: %s", location, code)
	}
}
