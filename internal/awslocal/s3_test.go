package awslocal_test

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/scanjob-dev/scanjob/internal/awslocal"
)

func TestObjectsAreStoredReadListedAndDeleted(t *testing.T) {
	server := start(t, awslocal.Options{})
	client := s3.NewFromConfig(server.Config())
	ctx := t.Context()
	_, err := client.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: aws.String("reports")})
	noError(t, err)
	_, err = client.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: aws.String("reports")})
	noError(t, err)
	key := "sarif/ns/a b+c.json"
	body := bytes.Repeat([]byte("x"), 100_000)
	_, err = client.PutObject(ctx, &s3.PutObjectInput{
		Bucket: aws.String("reports"), Key: aws.String(key), Body: bytes.NewReader(body), ContentType: aws.String("application/sarif+json"), Metadata: map[string]string{"job": "1"},
	})
	noError(t, err)
	out, err := client.GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String("reports"), Key: aws.String(key)})
	noError(t, err)
	got, err := io.ReadAll(out.Body)
	noError(t, err)
	noError(t, out.Body.Close())
	if !bytes.Equal(got, body) || aws.ToString(out.ContentType) != "application/sarif+json" || out.Metadata["job"] != "1" {
		t.Errorf("%d bytes, content type %s, metadata %v", len(got), aws.ToString(out.ContentType), out.Metadata)
	}
	if stored, ok := server.Object("reports", key); !ok || !bytes.Equal(stored.Body, body) {
		t.Error("the server does not hold the object")
	}
	for i := range 5 {
		_, err := client.PutObject(ctx, &s3.PutObjectInput{Bucket: aws.String("reports"), Key: aws.String(fmt.Sprint("other/", i)), Body: strings.NewReader("y")})
		noError(t, err)
	}
	var keys []string
	pages := s3.NewListObjectsV2Paginator(client, &s3.ListObjectsV2Input{Bucket: aws.String("reports"), Prefix: aws.String("other/"), MaxKeys: aws.Int32(2)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		noError(t, err)
		for _, o := range page.Contents {
			keys = append(keys, aws.ToString(o.Key))
		}
	}
	if want := []string{"other/0", "other/1", "other/2", "other/3", "other/4"}; !slices.Equal(keys, want) {
		t.Errorf("keys %v, want %v", keys, want)
	}
	_, err = client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: aws.String("reports"), Key: aws.String(key)})
	noError(t, err)
	_, err = client.GetObject(ctx, &s3.GetObjectInput{Bucket: aws.String("reports"), Key: aws.String(key)})
	wantCode(t, err, "NoSuchKey")
}

func TestS3Refusals(t *testing.T) {
	server := start(t, awslocal.Options{})
	client := s3.NewFromConfig(server.Config())
	ctx := t.Context()
	_, err := client.PutObject(ctx, &s3.PutObjectInput{Bucket: aws.String("none"), Key: aws.String("a"), Body: strings.NewReader("x")})
	wantCode(t, err, "NoSuchBucket")
	_, err = client.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: aws.String("none")})
	wantCode(t, err, "NotFound")
	_, err = client.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: aws.String("reports")})
	noError(t, err)
	_, err = client.CreateBucket(ctx, &s3.CreateBucketInput{Bucket: aws.String("reports")})
	wantCode(t, err, "BucketAlreadyOwnedByYou")
	server.Faults().Deny(awslocal.Any, "s3:PutObject")
	_, err = client.PutObject(ctx, &s3.PutObjectInput{Bucket: aws.String("reports"), Key: aws.String("a"), Body: strings.NewReader("x")})
	wantCode(t, err, "AccessDenied")
}
