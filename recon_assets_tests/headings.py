"""First lines of files as Microsoft's and FOCUS' public references name the columns, by hand."""

_CUSTOMER = "PartnerId,CustomerId,CustomerName,CustomerDomainName,CustomerCountry,InvoiceNumber,MpnId"
_PRODUCT = "ProductId,SkuId,AvailabilityId,SkuName,ProductName"

NCE = (
    f"{_CUSTOMER},Tier2MpnId,OrderId,OrderDate,{_PRODUCT},ChargeType,UnitPrice,Quantity,Subtotal,TaxTotal,Total,Currency,"
    "PriceAdjustmentDescription,PublisherName,PublisherId,SubscriptionDescription,SubscriptionId,ChargeStartDate,"
    "ChargeEndDate,TermAndBillingCycle,EffectiveUnitPrice,UnitType,AlternateId,BillableQuantity,BillingFrequency,"
    "PricingCurrency,PCToBCExchangeRate,PCToBCExchangeRateDate,MeterDescription,ReservationOrderId,CreditReasonCode,"
    "SubscriptionStartDate,SubscriptionEndDate,ReferenceId,ProductQualifiers,PromotionId,ProductCategory"
)
LEGACY = (
    "PartnerId,CustomerId,CustomerName,MpnId,ResellerMpnId,OrderId,SubscriptionId,SyndicationPartnerSubscriptionNumber,"
    "OfferId,DurableOfferId,OfferName,SubscriptionStartDate,SubscriptionEndDate,ChargeStartDate,ChargeEndDate,ChargeType,"
    "UnitPrice,Quantity,Amount,TotalOtherDiscount,Subtotal,Tax,TotalForCustomer,Currency,DomainName,SubscriptionName,"
    "SubscriptionDescription,BillingCycleType"
)
RATED_USAGE = (
    f"{_CUSTOMER},Tier2MpnId,{_PRODUCT},PublisherName,PublisherId,SubscriptionDescription,SubscriptionId,ChargeStartDate,"
    "ChargeEndDate,UsageDate,MeterType,MeterCategory,MeterId,MeterSubCategory,MeterName,MeterRegion,Unit,ResourceLocation,"
    "ConsumedService,ResourceGroup,ResourceURI,ChargeType,UnitPrice,Quantity,UnitType,BillingPreTaxTotal,BillingCurrency,"
    "PricingPreTaxTotal,PricingCurrency,ServiceInfo1,ServiceInfo2,Tags,AdditionalInfo,EffectiveUnitPrice,"
    "PCToBCExchangeRate,PCToBCExchangeRateDate,EntitlementId,EntitlementDescription,PartnerEarnedCreditPercentage,"
    "CreditPercentage,CreditType,BenefitId,BenefitOrderId,BenefitType"
)
COST_OF_AN_AGREEMENT = (
    "BillingAccountId,BillingAccountName,BillingPeriodStartDate,BillingPeriodEndDate,BillingProfileId,BillingProfileName,"
    "AccountOwnerId,AccountName,SubscriptionId,SubscriptionName,Date,Product,PartNumber,MeterId,ServiceFamily,"
    "MeterCategory,MeterSubCategory,MeterRegion,MeterName,Quantity,EffectivePrice,Cost,UnitPrice,BillingCurrency,"
    "ResourceLocation,AvailabilityZone,ConsumedService,ResourceId,ResourceName,ServiceInfo1,ServiceInfo2,AdditionalInfo,"
    "Tags,InvoiceSection,CostCenter,UnitOfMeasure,ResourceGroup,ReservationId,ReservationName,ProductOrderId,"
    "ProductOrderName,OfferId,IsAzureCreditEligible,Term,PublisherName,PlanName,ChargeType,Frequency,PublisherType,"
    "PayGPrice,PricingModel,CostAllocationRuleName"
)
COST_OF_A_PARTNER = (
    "invoiceId,previousInvoiceId,billingAccountId,billingAccountName,billingProfileId,billingProfileName,invoiceSectionId,"
    "invoiceSectionName,partnerTenantId,partnerName,resellerName,resellerMpnId,customerTenantId,customerName,costCenter,"
    "billingPeriodEndDate,billingPeriodStartDate,servicePeriodEndDate,servicePeriodStartDate,date,serviceFamily,"
    "productOrderId,productOrderName,consumedService,meterId,meterName,meterCategory,meterSubCategory,meterRegion,"
    "ProductId,ProductName,SubscriptionId,subscriptionName,publisherType,publisherId,publisherName,resourceGroupName,"
    "ResourceId,resourceLocation,location,effectivePrice,quantity,unitOfMeasure,chargeType,billingCurrency,"
    "pricingCurrency,costInBillingCurrency,costInPricingCurrency,costInUsd,paygCostInBillingCurrency,paygCostInUsd,"
    "exchangeRatePricingToBilling,exchangeRateDate,isAzureCreditEligible,serviceInfo1,serviceInfo2,additionalInfo,tags,"
    "partnerEarnedCreditRate,partnerEarnedCreditApplied,PayGPrice,frequency,term,reservationId,reservationName,"
    "pricingModel,unitPrice,benefitId,benefitName,provider"
)
_INVOICED = "invoiceId,previousInvoiceId,billingAccountId,billingProfileId,billingProfileName,invoiceSectionId,invoiceSectionName,"
# A subscription's own export names no invoice, and its prices are those of retail.
COST_OF_A_SUBSCRIPTION = ",".join(
    name
    for name in COST_OF_A_PARTNER.split(",")
    if name not in _INVOICED.split(",")
    and name not in ("partnerTenantId", "costInPricingCurrency", "isAzureCreditEligible")
    and not name.startswith(("paygCost", "partnerEarned"))
)
# Months before 2019: neither a charge type nor an amount by that name.
COST_WITHOUT_CHARGE_TYPE = (
    "SubscriptionGuid,ResourceGroup,ResourceLocation,UsageDateTime,MeterCategory,MeterSubcategory,MeterId,MeterName,"
    "MeterRegion,UsageQuantity,ResourceRate,PreTaxCost,ConsumedService,ResourceType,InstanceId,Tags,OfferId,"
    "AdditionalInfo,ServiceInfo1,ServiceInfo2,Currency"
)
FOCUS_1_0 = (
    "AvailabilityZone,BilledCost,BillingAccountId,BillingAccountName,BillingCurrency,BillingPeriodEnd,BillingPeriodStart,"
    "ChargeCategory,ChargeClass,ChargeDescription,ChargeFrequency,ChargePeriodEnd,ChargePeriodStart,"
    "CommitmentDiscountCategory,CommitmentDiscountId,CommitmentDiscountName,CommitmentDiscountStatus,"
    "CommitmentDiscountType,ConsumedQuantity,ConsumedUnit,ContractedCost,ContractedUnitPrice,EffectiveCost,"
    "InvoiceIssuerName,ListCost,ListUnitPrice,PricingCategory,PricingQuantity,PricingUnit,ProviderName,PublisherName,"
    "RegionId,RegionName,ResourceId,ResourceName,ResourceType,ServiceCategory,ServiceName,SkuId,SkuPriceId,SubAccountId,"
    "SubAccountName,Tags,x_InvoiceId,x_SkuMeterId,x_SkuMeterName,x_SkuMeterCategory,x_SkuMeterSubcategory"
)
_MICROSOFT = (
    "x_SkuMeterId,x_SkuMeterName,x_SkuMeterCategory,x_SkuMeterSubcategory,x_SkuRegion,x_PublisherCategory,x_CustomerId"
)
# Columns of the dataset Cost and Usage by FOCUS_Spec's specification/datasets/cost_and_usage, beside Microsoft's own.
FOCUS_1_2 = ",".join(
    (
        "AvailabilityZone,BilledCost,BillingAccountId,BillingAccountName,BillingAccountType,BillingCurrency,"
        "BillingPeriodEnd,BillingPeriodStart,CapacityReservationId,CapacityReservationStatus,ChargeCategory,ChargeClass,"
        "ChargeDescription,ChargeFrequency,ChargePeriodEnd,ChargePeriodStart,CommitmentDiscountCategory,"
        "CommitmentDiscountId,CommitmentDiscountName,CommitmentDiscountQuantity,CommitmentDiscountStatus,"
        "CommitmentDiscountType,CommitmentDiscountUnit,ConsumedQuantity,ConsumedUnit,ContractedCost,ContractedUnitPrice,"
        "EffectiveCost,InvoiceId,InvoiceIssuerName,ListCost,ListUnitPrice,PricingCategory,"
        "PricingCurrencyContractedUnitPrice,PricingCurrencyEffectiveCost,PricingCurrencyListUnitPrice,PricingCurrency,"
        "PricingQuantity,PricingUnit,ProviderName,PublisherName,RegionId,RegionName,ResourceId,ResourceName,ResourceType,"
        "ServiceCategory,ServiceName,ServiceSubcategory,SkuId,SkuMeter,SkuPriceDetails,SkuPriceId,SubAccountId,"
        "SubAccountName,SubAccountType,Tags",
        _MICROSOFT,
    )
)
# 1.3 deprecates ProviderName and PublisherName; 1.4 has them no longer.
FOCUS_1_3 = (
    FOCUS_1_2 + ",AllocatedMethodDetails,AllocatedMethodId,AllocatedResourceId,AllocatedResourceName,AllocatedTags,"
    "ContractApplied,HostProviderName,ServiceProviderName"
)
FOCUS_1_4 = FOCUS_1_3.replace("ProviderName,PublisherName,", "", 1) + ",InvoiceDetailId"
# The dataset Invoice Detail of FOCUS 1.4 (specification/datasets/invoice_detail).
INVOICE_DETAIL = (
    "BilledCost,BillingAccountId,BillingCurrency,ChargeCategory,BillingPeriodEnd,BillingPeriodStart,InvoiceDetailCreated,"
    "InvoiceDetailDescription,InvoiceDetailGrain,InvoiceDetailId,InvoiceDetailLastUpdated,InvoiceId,InvoiceIssueDate,"
    "InvoiceIssueStatus,InvoiceIssuerName,PaymentCurrency,PaymentCurrencyBilledCost,PaymentCurrencyInvoiceDetailId,"
    "PaymentDueDate,PaymentTerms,PurchaseOrderNumber,ReferenceInvoiceId"
)
# Partner Center's aggregated billed usage: the headings of the file in the shared samples, which hold no real one.
USAGE_AGGREGATED = (
    "PartnerId,PartnerName,CustomerId,CustomerName,CustomerDomainName,CustomerCountry,MpnId,Tier2MpnId,InvoiceNumber,"
    "ProductId,SkuId,AvailabilityId,SkuName,ProductName,PublisherName,PublisherId,SubscriptionDescription,SubscriptionId,"
    "ChargeStartDate,ChargeEndDate,MeterType,MeterCategory,MeterId,MeterSubCategory,MeterName,MeterRegion,Unit,"
    "ResourceLocation,ConsumedService,ChargeType,UnitPrice,Quantity,UnitType,BillingPreTaxTotal,BillingCurrency,"
    "PricingPreTaxTotal,PricingCurrency,ServiceInfo1,ServiceInfo2,EffectiveUnitPrice,PCToBCExchangeRate,"
    "PCToBCExchangeRateDate,EntitlementId,EntitlementDescription,PartnerEarnedCreditPercentage,CreditPercentage,CreditType,"
    "BenefitId,BenefitOrderId,BenefitType,PartnerPrice,PriceBenefits"
)
