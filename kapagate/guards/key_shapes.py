"""Shapes of keys and tokens: what their vendors publish of them, as a prefix, and what follows it."""

from __future__ import annotations

LONGEST_NESTING = 1024  # where a key may begin within another, which is then read again
NESTING = rb",%d}" % LONGEST_NESTING

SHAPES: tuple[tuple[bytes, bytes], ...] = (
    (rb"kg_", rb"[a-z0-9]{2,16}_[A-Za-z0-9]{4,64}_[A-Za-z0-9-]{16,}"),  # kapagate
    (rb"sk-", rb"(?:proj|svcacct|admin|ant|or|lf|None)-[\w-]{20,}|[A-Za-z0-9]{20,}"),  # OpenAI, Anthropic, OpenRouter
    (rb"(?:AKIA|ASIA|ABIA|ACCA|A3T[A-Z0-9])", rb"[A-Z0-9]{16}"),  # AWS access key ids
    (rb"gh[pousr]_", rb"[A-Za-z0-9]{36,}"),  # GitHub
    (rb"github_pat_", rb"\w{22,}"),
    (
        rb"gl(?:pat|rt|dt|ptt|ft|ffct|oas|soat|agent|imt|cbt|wt)-",
        rb"[\w-]{20,}(?:\.[0-9a-z]{2}\.?[0-9a-z]{7,10})?",
    ),  # GitLab
    (rb"(?:xoxe\.)?xox[abeoprs]-", rb"[A-Za-z0-9-]{8,}"),  # Slack
    (rb"xapp-", rb"\d-[A-Za-z0-9-]{10,}"),
    (rb"[psr]k_(?:live|test|prod)_", rb"[A-Za-z0-9]{10,}"),  # Stripe
    (rb"whsec_", rb"[A-Za-z0-9+/=]{24" + NESTING),  # Stripe, Standard Webhooks
    (rb"AIza", rb"[\w-]{35}"),  # Google
    (rb"GOCSPX-", rb"[\w-]{28}"),
    (rb"ya29\.", rb"[\w-]{20,}"),
    (rb"npm_", rb"[A-Za-z0-9]{36}"),
    (rb"pypi-", rb"AgE[\w-]{50,}"),
    (rb"SG\.", rb"[\w=-]{16,32}\.[\w=-]{16,64}"),  # SendGrid
    (rb"hf_", rb"[A-Za-z0-9]{30,}"),  # Hugging Face
    (rb"do[opr]_v1_", rb"[a-f0-9]{64}"),  # DigitalOcean
    (rb"shp(?:at|ca|pa|ss)_", rb"[a-fA-F0-9]{32}"),  # Shopify
    (rb"dapi", rb"[a-f0-9]{32}(?:-\d)?"),  # Databricks
    (rb"gsk_", rb"[A-Za-z0-9]{40,}"),  # Groq
    (rb"xai-", rb"[A-Za-z0-9]{40,}"),
    (rb"pplx-", rb"[A-Za-z0-9]{40,}"),  # Perplexity
    (rb"(?:pub)?key-", rb"[a-f0-9]{32}"),  # Mailgun
    (rb"SK", rb"[a-fA-F0-9]{32}"),  # Twilio
    (rb"AT(?:ATT|CTT)3", rb"[\w=-]{50" + NESTING),  # Atlassian
    (rb"dckr_(?:pat|oat)_", rb"[\w-]{20,}"),  # Docker
    (rb"HRKU-", rb"[\w-]{30,}"),  # Heroku
    (rb"(?:ntn|secret)_", rb"[A-Za-z0-9]{40,}"),  # Notion
    (rb"lin_api_", rb"[A-Za-z0-9]{32,}"),  # Linear
    (rb"figd_", rb"[\w-]{30,}"),  # Figma
    (rb"PMAK-", rb"[a-f0-9]{24}-[a-f0-9]{34}"),  # Postman
    (rb"NR(?:AK|AA|RA|II|JS)-", rb"[\w-]{19,40}"),  # New Relic
    (rb"gl(?:sa|c)_", rb"[\w=+/-]{32" + NESTING),  # Grafana
    (rb"sntry[su]_", rb"[\w=+/-]{40" + NESTING),  # Sentry
    (rb"hv[sbr]\.", rb"[\w-]{24,}"),  # HashiCorp Vault
    (rb"dp\.(?:pt|st|ct)\.", rb"[\w.-]{32" + NESTING),  # Doppler
    (rb"pscale_", rb"(?:tkn|pw|oauth)_[\w.=-]{32" + NESTING),  # PlanetScale
    (rb"r8_", rb"[A-Za-z0-9]{37,}"),  # Replicate
    (rb"sq0[ac][ts][pb]-", rb"[\w-]{22,}"),  # Square
    (rb"AGE-SECRET-", rb"KEY-1[A-Z0-9]{58}"),  # age
    (rb"sb[pv]_", rb"[a-f0-9]{40}"),  # Supabase
    (rb"nfp_", rb"[A-Za-z0-9]{36,}"),  # Netlify
    (rb"pul-", rb"[a-f0-9]{40}"),  # Pulumi
    (rb"rubygems_", rb"[a-f0-9]{48}"),
    (rb"(?:https://)?hooks\.slack\.com/", rb"(?:services|workflows|triggers)/[A-Z0-9]{8,}/[\w/]{20,200}"),
    (rb"EAA", rb"[A-Za-z0-9]{80,}"),  # Facebook
    (rb"LTAI", rb"[A-Za-z0-9]{16,24}"),  # Alibaba
    (rb"AKCp", rb"[A-Za-z0-9]{50,}"),  # Artifactory
    (rb"tskey-", rb"(?:auth|api|client|webhook|scim)-[\w-]{20,}"),  # Tailscale
    (rb"ops_", rb"eyJ[\w+/=-]{60" + NESTING),  # 1Password
    (rb"CFPAT-", rb"[\w-]{40,}"),  # Contentful
    (rb"lin_oauth_", rb"[a-f0-9]{64}"),
    (rb"GR1348941", rb"[\w-]{20,}"),  # GitLab runners
    (rb"AC", rb"[a-f0-9]{32}"),  # Twilio accounts
    (rb"EAAA", rb"[\w-]{22,60}"),  # Square
    (rb"[MNO][A-Za-z0-9]{23,25}\.", rb"[\w-]{6}\.[\w-]{27,38}"),  # Discord
    (rb"[a-f0-9]{32}-us", rb"\d{1,2}"),  # Mailchimp
    (rb"sl\.", rb"[\w-]{100,}"),  # Dropbox
    (rb"cflt", rb"[A-Za-z0-9+/]{56" + NESTING),  # Confluent
    (rb"dt0[a-z]\d\d\.", rb"[A-Za-z0-9]{24}\.[A-Za-z0-9]{64}"),  # Dynatrace
    (rb"pat[A-Za-z0-9]{14}\.", rb"[a-f0-9]{64}"),  # Airtable
    (rb"pat-(?:na|eu|ap)\d-", rb"[a-f0-9-]{36}"),  # HubSpot
    (rb"[A-Za-z0-9]{14}\.atlasv1\.", rb"[\w=-]{60,70}"),  # HashiCorp Terraform
    (rb"(?:FlyV1 )?fm[12][ar]?_", rb"(?:[A-Za-z0-9+/=_]|,(?=fm)){100" + NESTING),  # Fly.io
    (rb"fo1_", rb"[\w-]{43}"),
    (rb"shippo_(?:live|test)_", rb"[a-fA-F0-9]{40}"),
    (rb"EZ[AT]K", rb"[A-Za-z0-9]{54}"),  # EasyPost
    (rb"duffel_(?:live|test)_", rb"[\w=-]{43}"),
    (rb"FLW(?:SEC|PUB)K", rb"(?:_TEST)?-[a-hA-H0-9]{12,32}(?:-X)?"),  # Flutterwave
    (rb"pnu_", rb"[A-Za-z0-9]{36}"),  # Prefect
    (rb"rdme_", rb"[a-z0-9]{70}"),  # ReadMe
    (rb"xkeysib-", rb"[a-f0-9]{64}-[A-Za-z0-9]{16}"),  # Brevo
    (rb"tfp_", rb"[\w.=-]{59}"),  # Typeform
    (rb"lsv2_(?:pt|sk)_", rb"[a-f0-9]{32}_[a-f0-9]{10}"),  # LangSmith
    (rb"CLOJARS_", rb"[a-z0-9]{60}"),
    (rb"oy2", rb"[a-z0-9]{43}"),  # NuGet
    (rb"vc[aikpr]_", rb"[A-Za-z0-9]{24,}"),  # Vercel
    (rb"nvapi-", rb"[\w-]{60,}"),  # NVIDIA
    (rb"tvly-", rb"(?:dev-)?[A-Za-z0-9-]{30,}"),  # Tavily
    (rb"ph[cx]_", rb"[A-Za-z0-9]{40,}"),  # PostHog
    (rb"sgp_", rb"(?:[a-fA-F0-9]{16}_|local_)?[a-fA-F0-9]{40}"),  # Sourcegraph
    (rb"ABSK", rb"[A-Za-z0-9+/=]{100" + NESTING),  # Amazon Bedrock
    (rb"amzn\.mws\.", rb"[a-f0-9-]{36}"),
    (rb"sha256~", rb"[\w-]{43}"),  # OpenShift
    (rb"\d{8,10}:AA", rb"[\w-]{33}"),  # Telegram
    (rb"sk_", rb"[A-Za-z0-9]{24,}"),  # ElevenLabs, Freemius
    (rb"pk_", rb"\d{6,}_[A-Z0-9]{32}|[a-f0-9]{34}"),  # ClickUp, Klaviyo
    (rb"[ps]k\.", rb"(?:eyJ[\w-]{20,}|[a-z0-9]{60})\.[\w-]{22}"),  # Mapbox
    (rb"pk-lf-", rb"[a-f0-9-]{36}"),  # Langfuse
    (rb"api_org_", rb"[A-Za-z]{34}"),  # Hugging Face
    (rb"_gitlab_sessio", rb"n=[0-9a-z]{32}"),
    (rb"v1\.0-[a-f0-9]{24}-", rb"[a-f0-9]{146}"),  # Cloudflare
    (rb"00[\w-]{14}", rb"(?=[\w-]*[A-Z])(?=[\w-]*[a-z])[\w-]{26}"),  # Okta
    (
        rb"s\.[A-Za-z0-9]{12}",
        rb"(?=[a-z0-9]*[A-Z])(?=[A-Z0-9]*[a-z])(?=[A-Za-z]*\d)[A-Za-z0-9]{12}",
    ),  # Vault, before its `hvs.`
    (rb"[012]/", rb"(?:\d{10,20}/)?\d{10,20}:[a-f0-9]{32}"),  # Asana
    (rb"[a-f0-9]{32}-[a-f0-9]{8}-", rb"[a-f0-9]{8}"),  # Mailgun
    (rb"[A-Za-z0-9][\w~.]{2}\dQ~", rb"[\w~.-]{31,34}"),  # Microsoft Entra
    (rb"[A-Za-z0-9]{6}_[A-Za-z0-9]{29}_mm", rb"k"),  # MaxMind
    (rb"\d{15,16}\|", rb"[\w-]{27,40}"),  # Facebook apps
    (rb"A{22}", rb"[A-Za-z0-9%]{80,120}"),  # X
    (rb"webhookb2/", rb"[a-f0-9-]{36}@[a-f0-9-]{36}/IncomingWebhook/[a-z0-9]{32}/[\w-]{36,90}"),  # Teams
    (rb"webhooks/", rb"\d{17,20}/[\w-]{60,}"),  # Discord
    (rb"eyJrIjoi", rb"[A-Za-z0-9]{60,}={0,3}"),  # Grafana, the older ones
    (rb"ZXlK", rb"[A-Za-z0-9+/=]{80" + NESTING),  # JSON web tokens in base64
    (rb"API-", rb"[A-Z0-9]{26}"),  # Octopus Deploy
    (rb"4b1d", rb"[A-Za-z0-9]{38}"),  # ClickHouse
    (
        rb"A3-",
        rb"[A-Z0-9]{6}-(?:[A-Z0-9]{11}|[A-Z0-9]{6}-[A-Z0-9]{5})-[A-Z0-9]{5}-[A-Z0-9]{5}-[A-Z0-9]{5}",
    ),  # 1Password
    (rb"cmVmd", rb"[A-Za-z0-9]{59}"),  # Artifactory
    (rb"bedrock-api-key-", rb"[\w+/=-]{30" + NESTING),
    (rb"sm_(?:aat|pat|sat)_", rb"[A-Za-z0-9]{16}"),  # SettleMint
    (rb"ico-", rb"[A-Za-z0-9]{32}"),  # Infracost
    (rb"[ps]at\.", rb"[\w-]{22}\.[\w-]{20,24}\.[A-Za-z0-9]{20}"),  # Harness
    (rb"tk-us-", rb"[\w-]{48}"),  # Scalingo
    (rb"YC", rb"(?=[\w-]*[a-z])(?=[\w-]*\d)[\w-]{38}"),  # Yandex
    (rb"AQVN", rb"[\w-]{35,38}"),
    (rb"t1\.", rb"[\w=-]{7,}\.[\w-]{86}={0,2}"),
    (rb"(?:live|test)_", rb"(?:pub_)?[a-f0-9]{31,35}|(?=[A-Za-z]*\d)[A-Za-z0-9]{30}"),  # Lob, Mollie
    (rb"access-(?:sandbox|development|production)-", rb"[a-f0-9-]{36}"),  # Plaid
    (rb"dnkey-", rb"[\w=-]{26}-[\w=-]{52}"),  # Defined Networking
    (rb"p8e-", rb"[A-Za-z0-9]{32}"),  # Adobe
    (rb"(?:sc|ext|scauth|authress)_", rb"[A-Za-z0-9]{5,30}\.[A-Za-z0-9]{4,6}\.acc[_-][\w-]{10,32}\.[\w+/=-]{30,120}"),
    (rb"fio-u-", rb"[\w=-]{64}"),  # Frame.io
    (rb"s-s4t2", rb"(?:ud|af)-[a-f0-9]{64}"),  # 42
    (rb"(?:sdk|mob|api)-", rb"[a-f0-9]{8}-(?:[a-f0-9]{4}-){3}[a-f0-9]{12}"),  # LaunchDarkly
    (rb"csk-", rb"[a-z0-9]{40,}"),  # Cerebras
    (rb"tgp_v1_", rb"[\w-]{40,}"),  # Together
    (rb"pcsk_", rb"\w{60,}"),  # Pinecone
    (rb"jina_", rb"[\w-]{50,}"),
    (rb"re_", rb"[A-Za-z0-9]{8}_[A-Za-z0-9]{24}"),  # Resend
    (rb"napi_", rb"[a-z0-9]{60,}"),  # Neon
    (rb"rnd_", rb"[A-Za-z0-9]{28,}"),  # Render
    (rb"sq[apu]_", rb"[a-f0-9]{40}"),  # SonarQube
    (rb"CCIP(?:AT|RJ)_", rb"[\w-]{40,}"),  # CircleCI
    (rb"bk(?:ua|at)_", rb"[a-f0-9]{40}"),  # Buildkite
    (rb"SCW", rb"[A-Z0-9]{17}"),  # Scaleway
    (rb"AKID", rb"[A-Za-z0-9]{32}"),  # Tencent
    (rb"1000\.", rb"[a-f0-9]{32}\.[a-f0-9]{32}"),  # Zoho
    (rb"ATTA", rb"[a-f0-9]{64}"),  # Trello
    (rb"ATBB", rb"[A-Za-z0-9]{32}"),  # Bitbucket
    (rb"c[ks]_", rb"[a-f0-9]{40}"),  # WooCommerce
    (rb"rzp_(?:live|test)_", rb"[A-Za-z0-9]{14}"),  # Razorpay
    (rb"sb_(?:secret|publishable)_", rb"[\w-]{30,}"),  # Supabase
    (rb"apify_api_", rb"[A-Za-z0-9]{36,}"),
    (rb"hc[a-z]{2}k_", rb"[A-Za-z0-9]{50,}"),  # Honeycomb
    (rb"dbt[cu]_", rb"[\w-]{40,}"),
    (rb"KGAT_", rb"[a-f0-9]{32}"),  # Kaggle
    (rb"md-", rb"(?=[\w-]*[A-Z])(?=[\w-]*\d)[\w-]{22}"),  # Mandrill
    (rb"[a-z0-9]{10}msh", rb"[a-z0-9]{15}p1[a-z0-9]{6}jsn[a-z0-9]{12}"),  # RapidAPI
    (rb"fc-", rb"[a-f0-9]{32}"),  # Firecrawl
    (rb"fw_", rb"[A-Za-z0-9]{22,24}"),  # Fireworks
    (rb"pa-", rb"(?=[\w-]*[A-Z])(?=[\w-]*\d)[\w-]{43}"),  # Voyage
    (rb"wandb_v1_", rb"\w{60,}"),  # Weights & Biases
    (rb"cal_", rb"(?:live_|test_)?[a-f0-9]{32}"),  # Cal.com
    (rb"st\.", rb"[a-f0-9]{24}\.[a-f0-9]{32}\.[a-f0-9]{32}"),  # Infisical
    (rb"access_token\$(?:production|sandbox)\$", rb"[a-z0-9]{16}\$[a-f0-9]{32}"),  # Braintree
    (rb"cf(?:k|ut|at)_", rb"[A-Za-z0-9]{40}[a-f0-9]{8}"),  # Cloudflare
    (rb"pdl_(?:live|sdbx)_", rb"apikey_[a-z0-9]{26}_[A-Za-z0-9]{22}_[A-Za-z0-9]{3}"),  # Paddle
    (rb"1//", rb"0[\w-]{40,}"),  # Google refresh tokens
    (rb"mdb_sa_sk_", rb"[\w-]{40}"),  # MongoDB Atlas
    (rb"mlsn\.", rb"[a-f0-9]{64}"),  # MailerSend
    (rb"secret-(?:live|test)-", rb"[\w-]{34,}={0,2}"),  # Stytch
    (rb"snyk_[us]at\.", rb"[a-z0-9]{8}\.[\w.-]{40" + NESTING),
    (rb"[A-Za-z0-9]{52}JQQJ99", rb"[A-Za-z0-9]{26}"),  # Azure
    (rb"sig=", rb"(?=[^%]*[A-Z])[A-Za-z0-9+/%]{43,80}(?:=|(?<=%3[Dd]))"),  # Azure, shared access signatures
    (rb"KEY0", rb"[A-Z0-9]{31}_[A-Za-z0-9]{22}"),  # Telnyx
    (rb"IGQ", rb"[A-Za-z0-9]{100,}"),  # Instagram
    (rb"dG9rO", rb"[A-Za-z0-9+/]{40,80}={1,2}"),  # Intercom
    (rb"eyJ", rb"[\w-]{8,}\.eyJ[\w-]{8,}(?:\.[\w-]*)?"),  # JSON web tokens
)
"""What follows is read with `re`; prefixes of more than 16 characters are named in `api_key.API_KEY.unfinished` too."""
