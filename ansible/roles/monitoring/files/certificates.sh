#!/bin/sh
# Writes for the node exporter when each certificate of this host ends. Usage: certificates.sh OUT FOLDER...
# Reads certificates only, no keys. The file is replaced whole, so that nobody reads half of it.
set -eu
out=$1
shift
{
  echo '# HELP hoploom_certificate_not_after_seconds When a certificate ends.'
  echo '# TYPE hoploom_certificate_not_after_seconds gauge'
  find "$@" -type f \( -name '*.pem' -o -name '*.crt' \) 2>/dev/null | sort | while read -r path; do
    end=$(openssl x509 -noout -enddate -in "$path" 2>/dev/null) || continue
    echo "hoploom_certificate_not_after_seconds{path=\"$path\"} $(date -d "${end#notAfter=}" +%s)"
  done
  echo '# HELP hoploom_certificates_seen_seconds When certificates were looked at.'
  echo '# TYPE hoploom_certificates_seen_seconds gauge'
  echo "hoploom_certificates_seen_seconds $(date +%s)"
} > "$out.new"
chmod 0644 "$out.new"
mv "$out.new" "$out"
