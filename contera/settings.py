"""Settings of the portal, worker and beat. Every value an installation may change is an environment
variable read here; a fresh clone runs with none of them set. See docs/deployment.md."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from contera import environment as env
from contera.secret_key import load_or_create

BASE_DIR = Path(__file__).resolve().parent.parent

# --- Where things are ---------------------------------------------------------------------------
CONTERA_DATA = Path(env.text("CONTERA_DATA") or BASE_DIR / "var").resolve()
CONTERA_DATA.mkdir(parents=True, exist_ok=True, mode=0o700)
CONTERA_BASE_URL = env.text("CONTERA_BASE_URL", "http://localhost:8000").rstrip("/")

# --- Security -----------------------------------------------------------------------------------
DEBUG = env.flag("CONTERA_DEBUG")
SECRET_KEY = env.text("CONTERA_SECRET_KEY") or load_or_create(CONTERA_DATA / "keys" / "secret")
SECRET_KEY_FALLBACKS = env.words("CONTERA_SECRET_KEY_FALLBACKS")
CONTERA_SIGNING_KEY_FILE = Path(
    env.text("CONTERA_SIGNING_KEY_FILE") or CONTERA_DATA / "keys" / "portal.pem"
)
# Encrypts secrets in the database (accounts/encrypted.py); every process needs the same file.
CONTERA_SECRETS_KEY_FILE = Path(
    env.text("CONTERA_SECRETS_KEY_FILE") or CONTERA_DATA / "keys" / "secrets"
)
_base = urlsplit(CONTERA_BASE_URL)
IS_HTTPS = _base.scheme == "https"
ALLOWED_HOSTS = env.words("CONTERA_ALLOWED_HOSTS") or sorted(
    {_base.hostname or "localhost", "localhost", "127.0.0.1"}
)
CSRF_TRUSTED_ORIGINS = [f"{_base.scheme}://{_base.netloc}"]
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_SSL_REDIRECT = IS_HTTPS
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
# By such a name browsers take a cookie from this host alone, never from a neighbour in its domain.
_host_only = "__Host-" if IS_HTTPS else ""
SESSION_COOKIE_NAME, CSRF_COOKIE_NAME = f"{_host_only}sessionid", f"{_host_only}csrftoken"
SESSION_ENGINE = "accounts.session_store"
SECURE_HSTS_SECONDS = 31_536_000 if IS_HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = IS_HTTPS
SECURE_REFERRER_POLICY = "same-origin"
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^relay/"]
X_FRAME_OPTIONS = "DENY"
# Proxies in front whose X-Forwarded-For and X-Forwarded-Proto are believed (0: nobody's).
CONTERA_TRUSTED_PROXIES = env.number("CONTERA_TRUSTED_PROXIES", 0)
if CONTERA_TRUSTED_PROXIES:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "connect-src": ["'self'", *env.words("CONTERA_RELAY_ORIGINS")],
        "img-src": ["'self'", "data:", "blob:"],
        "media-src": ["'self'", "blob:"],
        "object-src": ["'none'"],
        "base-uri": ["'none'"],
        "form-action": ["'self'"],
        "frame-ancestors": ["'none'"],
    }
}

# --- Applications -------------------------------------------------------------------------------
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "whitenoise.runserver_nostatic",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "channels",
    "csp",
    "django_htmx",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "rest_framework",
    "accounts",
    "recorders",
    "streaming",
    "incidents",
    "contera.apps.ConteraConfig",
]
MIDDLEWARE = [
    "contera.headers.HeadersMiddleware",
    "contera.api_errors.ApiErrorsMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "contera.plain_text.PlainTextMiddleware",
    "contera.outage.OutageMiddleware",
    "accounts.session_cookie.SessionCookieMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "accounts.sessions.SessionUseMiddleware",
    "accounts.middleware.CircumstancesMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "csp.middleware.CSPMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "accounts.view_as.ViewAsMiddleware",
    "accounts.middleware.OrganisationMiddleware",
    "recorders.middleware.OneMomentMiddleware",
    "accounts.middleware.NoStoreMiddleware",
]
ROOT_URLCONF = "contera.urls"
ASGI_APPLICATION = "contera.asgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "builtins": ["recorders.templatetags.sizes"],
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "accounts.context.portal",
            ],
        },
    }
]

# --- Database, Redis ----------------------------------------------------------------------------
DATABASES = {
    "default": env.database(env.text("DATABASE_URL"), str(CONTERA_DATA / "contera.sqlite3"))
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
# Without REDIS_URL the programs start a private Valkey on this socket (contera/embedded_redis.py).
EMBEDDED_REDIS_SOCKET = CONTERA_DATA / "run" / "valkey.sock"
IS_REDIS_EMBEDDED = not env.text("REDIS_URL")
REDIS_URL = env.text("REDIS_URL") or f"unix://{EMBEDDED_REDIS_SOCKET}"
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        "KEY_PREFIX": "contera",
        # One that hangs is as good as lost: an answer in words comes instead (R10).
        "OPTIONS": {"socket_timeout": 2.0, "socket_connect_timeout": 2.0},
    }
}
CHANNEL_LAYERS = {
    "default": {
        # pubsub recovers by itself after a Redis restart; it carries signals only, never media.
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {"hosts": [REDIS_URL], "prefix": "contera"},
    }
}

# --- Celery: wakes workers; the truth of a job is its database row --------------------------------
CELERY_BROKER_URL = REDIS_URL.replace("unix://", "redis+socket://", 1)
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
# One that hangs: a page that enqueues something waits no longer, a worker connects again.
CELERY_BROKER_TRANSPORT_OPTIONS = {"socket_timeout": 3.0, "socket_connect_timeout": 2.0}
CELERY_TASK_PUBLISH_RETRY_POLICY = {"max_retries": 1, "interval_start": 0.2}
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_TASK_SERIALIZER = "json"
CELERY_TIMEZONE = "UTC"
CELERY_BEAT_SCHEDULE = {
    "wake-exports": {"task": "incidents.tasks.wake_exports", "schedule": 15.0},
    "wake-whitelist-mails": {"task": "recorders.tasks.wake_whitelist_mails", "schedule": 15.0},
    "deliver-webhooks": {"task": "accounts.tasks.deliver_webhooks", "schedule": 15.0},
    "forget-webhook-deliveries": {
        "task": "accounts.tasks.forget_webhook_deliveries",
        "schedule": 3600.0,
    },
    "tell-offline": {"task": "recorders.tasks.tell_offline", "schedule": 15.0},
    "tell-about-consents": {"task": "accounts.tasks.tell_about_consents", "schedule": 60.0},
    "keep-audit-trails": {"task": "accounts.tasks.keep_audit_trails", "schedule": 60.0},
    "worker-heartbeat": {"task": "contera.tasks.note_worker_alive", "schedule": 10.0},
    "forget-api-answers": {"task": "contera.tasks.forget_api_answers", "schedule": 3600.0},
    "forget-sessions": {"task": "contera.tasks.forget_expired_sessions", "schedule": 3600.0},
}
# Where the database and the keys are copied to while everything runs; empty: nothing is copied.
CONTERA_BACKUP_FOLDER = env.text("CONTERA_BACKUP_FOLDER")
CONTERA_BACKUP_MINUTES = env.number("CONTERA_BACKUP_MINUTES", 5)
if CONTERA_BACKUP_FOLDER:
    CELERY_BEAT_SCHEDULE["backup"] = {
        "task": "contera.tasks.make_backup",
        "schedule": 60.0 * CONTERA_BACKUP_MINUTES,
    }
CELERY_BEAT_SCHEDULE_FILENAME = str(CONTERA_DATA / "celerybeat-schedule")

# --- People -------------------------------------------------------------------------------------
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["accounts.password_check.PasswordBackend"]
PASSWORD_HASHERS = [
    "accounts.hashing.BoundedArgon2",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {
        "NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator",
        "OPTIONS": {"user_attributes": ("email", "username", "name")},
    },
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 10},
    },
    {"NAME": "accounts.password_rules.MaximumLength"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "accounts.password_rules.NotOfKnownWords"},
    {"NAME": "accounts.onsite.FollowsPassword"},
]
PASSWORD_RESET_TIMEOUT = 24 * 3600  # of a link by mail or by an administrator
SESSION_COOKIE_AGE = 14 * 24 * 3600  # without use
CONTERA_SESSION_LIFETIME = 30 * 24 * 3600  # from the sign-in on, used or not
ACCOUNT_ADAPTER = "accounts.adapter.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"email", "username"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = "username"
ACCOUNT_PASSWORD_RESET_TOKEN_GENERATOR = "django.contrib.auth.tokens.PasswordResetTokenGenerator"  # noqa: S105  a class
ACCOUNT_USER_DISPLAY = "accounts.models.display_name"
ACCOUNT_EMAIL_VERIFICATION = "none"  # accounts are made by administrators, never by sign-up
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_FORMS = {
    "login": "accounts.forms.passwords.LoginForm",
    "change_password": "accounts.forms.passwords.ChangePasswordForm",
    "reauthenticate": "accounts.forms.passwords.ReauthenticateForm",
    "reset_password": "accounts.forms.passwords.ResetPasswordForm",
    "reset_password_from_key": "accounts.forms.passwords.ResetPasswordKeyForm",
}
ACCOUNT_PREVENT_ENUMERATION = "strict"
ACCOUNT_RATE_LIMITS = {"login": "", "login_failed": ""}  # accounts.sign_in_limits in their place
MFA_ADAPTER = "accounts.mfa_adapter.MfaAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not IS_HTTPS  # localhost, for which browsers allow passkeys
MFA_ALLOW_UNVERIFIED_EMAIL = True  # addresses come from administrators
MFA_TOTP_TOLERANCE = 1  # clocks differ, people type slowly; each code works once all the same
MFA_RECOVERY_CODES_SHOW_ONCE = True
MFA_RECOVERY_CODE_DIGITS = 10
MFA_RATE_LIMITS = {"webauthn_login": "60/m/ip"}
MFA_FORMS = {
    "authenticate": "accounts.forms.second_factor.CodeForm",
    "reauthenticate": "accounts.forms.second_factor.FreshCodeForm",
    "activate_totp": "accounts.forms.second_factor.ActivateAppForm",
    "add_webauthn": "accounts.forms.second_factor.AddPasskeyForm",
    "edit_webauthn": "accounts.forms.second_factor.RenamePasskeyForm",
    "login_webauthn": "accounts.forms.second_factor.SignInPasskeyForm",
    "reauthenticate_webauthn": "accounts.forms.second_factor.FreshPasskeyForm",
    "authenticate_webauthn": "accounts.forms.second_factor.PasskeyForm",
}
ALLAUTH_TRUSTED_PROXY_COUNT = CONTERA_TRUSTED_PROXIES
# Identity providers: where they may be (accounts.outgoing.addresses.Reach), and for
# how long one may say nothing more about somebody who signed in through it.
CONTERA_IDENTITY_NETWORKS = env.text("CONTERA_IDENTITY_NETWORKS", "public")
CONTERA_SIGN_ON_HOURS = env.number("CONTERA_SIGN_ON_HOURS", 12)
# Where webhooks of customers may lead: public, private, laboratory (as above).
CONTERA_WEBHOOK_NETWORKS = env.text("CONTERA_WEBHOOK_NETWORKS", "public")
LOGIN_REDIRECT_URL = "/recorders/"
LOGIN_URL = "/accounts/login/"

# --- API ----------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "URL_FORMAT_OVERRIDE": None,  # `?format=` is no parameter of ours
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "accounts.api.authentication.ApiTokenAuthentication",
        "accounts.api.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["accounts.api.body.JsonParser"],
    "DEFAULT_SCHEMA_CLASS": "accounts.api.schema.Schema",
    "DEFAULT_PAGINATION_CLASS": "accounts.api.pages.BoundedPages",
    "PAGE_SIZE": 100,
    "EXCEPTION_HANDLER": "accounts.api.problems.problem_response",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Contera API",
    "DESCRIPTION": "Recorders, cameras, live and recorded video, incidents and exports.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "contera.api_examples.with_examples",
    ],
    "ENUM_NAME_OVERRIDES": {
        "PathEnum": "streaming.broker.offers.PATHS",
        "WantedPathEnum": "streaming.broker.facts.WANTED",
        "ClientEnum": "accounts.circumstances.CLIENTS",
        "TokenClientEnum": "accounts.models.ApiToken.Client",
        "MembershipStateEnum": "accounts.models.Membership.State",
        "ViewingPathEnum": "protocol.viewings.WAYS",
        "ViewingKindEnum": "protocol.viewings.KINDS",
        "ProviderKindEnum": "accounts.models.IdentityProvider.Kind",
        "RightEnum": "protocol.tokens.RIGHTS",
        "OfferedRightEnum": "recorders.grants.OFFERED",
        "ConsentRightEnum": "accounts.querysets.CONSENT_RIGHTS",
        "ScopeEnum": "accounts.scopes.NAMES",
    },
}
DATA_UPLOAD_MAX_NUMBER_FIELDS = 10_000  # the access matrix has a box per camera and right
DATA_UPLOAD_MAX_MEMORY_SIZE = 1024 * 1024  # no form or API body of ours comes near

# --- Relay, STUN, whitelist ---------------------------------------------------------------------
CONTERA_RELAY_URLS = env.words("CONTERA_RELAY_URLS") or [CONTERA_BASE_URL]
IS_RELAY_EMBEDDED = not env.words("CONTERA_RELAY_URLS")
# Plain addresses (port 80) of the portal and of relay nodes, for recorders whose site lets no TLS
# through. What travels there is sealed; a node's key is written behind a #.
CONTERA_HTTP_URL = env.text("CONTERA_HTTP_URL").rstrip("/")
_plain_nodes = [word.partition("#") for word in env.words("CONTERA_RELAY_HTTP_URLS")]
CONTERA_RELAY_HTTP_KEYS: dict[str, dict[str, str] | None] = {
    url.rstrip("/"): {"kty": "OKP", "crv": "Ed25519", "x": key} for url, _, key in _plain_nodes
}
if IS_RELAY_EMBEDDED and CONTERA_HTTP_URL:
    CONTERA_RELAY_HTTP_KEYS = {CONTERA_HTTP_URL: None}  # our own key, which recorders know
if CONTERA_HTTP_URL and not env.words("CONTERA_ALLOWED_HOSTS"):
    ALLOWED_HOSTS = sorted({*ALLOWED_HOSTS, urlsplit(CONTERA_HTTP_URL).hostname or "localhost"})
# UDP port of the STUN server inside the portal; 0 switches it off (coturn instead).
CONTERA_STUN_PORT = env.number("CONTERA_STUN_PORT", 3478)
# Its second port, which tells how a NAT maps ports (RFC 5780); 0 switches that one off.
CONTERA_STUN_OTHER_PORT = env.number(
    "CONTERA_STUN_OTHER_PORT", CONTERA_STUN_PORT + 1 if CONTERA_STUN_PORT else 0
)
# Both or none: the two addresses of this host that a whole RFC 5780 server has.
CONTERA_STUN_ADDRESS = env.text("CONTERA_STUN_ADDRESS")
CONTERA_STUN_OTHER_ADDRESS = env.text("CONTERA_STUN_OTHER_ADDRESS")
# What recorders and viewers are told, `host:port` each.
CONTERA_STUN_URLS = env.words("CONTERA_STUN_URLS") or [
    f"{f'[{_base.hostname}]' if ':' in (_base.hostname or '') else _base.hostname}:{port}"
    for port in (CONTERA_STUN_PORT, CONTERA_STUN_OTHER_PORT)
    if CONTERA_STUN_PORT and port
]
# Laboratories only: the test of Manual NAT may also go to private addresses (L10).
CONTERA_MANUAL_NAT_PRIVATE = env.flag("CONTERA_MANUAL_NAT_PRIVATE")
CONTERA_RELAY_REGIONS = env.words("CONTERA_RELAY_REGIONS", "us-west,us-east")
# What the whitelist names (the shape follows the guide). Empty: this installation has
# no such host, and the whitelist leaves it out.
CONTERA_PORTAL_DOMAIN = env.text("CONTERA_PORTAL_DOMAIN") or _base.hostname or "localhost"
CONTERA_RELAY_DOMAIN = env.text("CONTERA_RELAY_DOMAIN") or (
    "" if IS_RELAY_EMBEDDED else f"relay.{CONTERA_PORTAL_DOMAIN}"
)
CONTERA_API_DOMAIN = env.text("CONTERA_API_DOMAIN")
CONTERA_UPDATES_HOST = env.text("CONTERA_UPDATES_HOST")
CONTERA_HEALTH_HOSTS = env.words("CONTERA_HEALTH_HOSTS")

# --- Storage of exports ---------------------------------------------------------------------------
# `file:///folder` (default: $CONTERA_DATA/exports) or
# `s3://access_key:secret_key@host:port/bucket?region=…&tls=1`
CONTERA_STORAGE = env.text("CONTERA_STORAGE") or f"file://{CONTERA_DATA / 'exports'}"

# --- Mail ---------------------------------------------------------------------------------------
globals().update(env.email(env.text("EMAIL_URL"), str(CONTERA_DATA / "mail")))
DEFAULT_FROM_EMAIL = env.text("CONTERA_MAIL_FROM") or f"Contera <contera@{CONTERA_PORTAL_DOMAIN}>"
IS_MAIL_CONFIGURED = bool(env.text("EMAIL_URL"))

# --- Static files, language, time -----------------------------------------------------------------
STATIC_URL = "/static/"
STATIC_ROOT = CONTERA_DATA / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
        if DEBUG
        else "contera.static_files.HashedStaticFilesStorage"
    },
}
WHITENOISE_USE_FINDERS = WHITENOISE_AUTOREFRESH = DEBUG
LANGUAGE_CODE = "en"
USE_I18N = False
USE_TZ = True
TIME_ZONE = "UTC"
DATE_FORMAT, DATETIME_FORMAT = "Y-m-d", r"Y-m-d H:i \U\T\C"

# --- Logging --------------------------------------------------------------------------------------
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "{asctime} {levelname} {name}: {message}", "style": "{"}},
    "filters": {
        "refusals": {"()": "contera.logs.WithoutRefusalTraceback"},
        "links": {"()": "contera.logs.WithoutLinks"},
    },
    "handlers": {
        "console": {
            "class": "logging.StreamHandler",
            "formatter": "line",
            "filters": ["refusals", "links"],
        }
    },
    "root": {"handlers": ["console"], "level": env.text("CONTERA_LOG_LEVEL", "INFO")},
}
